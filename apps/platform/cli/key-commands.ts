import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const limitNames = [
  "requestsPerMinute",
  "tokensPerMinute",
  "concurrent",
  "budget",
  "allowIp",
  "allowOrigin",
  "expiresAt",
] as const;
type LimitOptions = { readonly [Name in (typeof limitNames)[number]]?: string | readonly string[] };

/** `lyss keys create|list|show|update|rotate|revoke`; `lyss key` is the same. */
export function addKeyCommands(program: Command, deps: CliDeps): void {
  const keys = program.command("keys").alias("key").description("API keys");
  addMakingCommands(keys, deps);
  addReadingCommands(keys, deps);
  addChangingCommands(keys, deps);
}

/** What a key may be limited to; `none` takes a limit away. */
function withLimits(command: Command): Command {
  return withConnection(command)
    .option("--description <text>", "what it is for, up to 500 characters")
    .option("--permission <permission...>", "resource:action; model:call, model:list and billing:read unless given")
    .option("--model <model...>", "models it may use; all that you may use unless given")
    .option("--expires-at <time>", "when it ends, such as 2027-01-31T00:00:00Z, or none")
    .option("--requests-per-minute <count>", "requests of any kind, 1 to 1000000, or none")
    .option("--tokens-per-minute <count>", "tokens of model calls in and out, 1 to 1000000000, or none")
    .option("--concurrent <count>", "requests under way at once, 1 to 10000, or none")
    .option("--budget <amount/period>", "the most it may spend, such as 25/month; hour, day, month or total; or none")
    .option("--allow-ip <network...>", "addresses and networks it may be used from, such as 203.0.113.0/24, or none")
    .option("--allow-origin <origin...>", "web pages it may be used from, such as https://app.example.com, or none");
}

function addMakingCommands(keys: Command, deps: CliDeps): void {
  withLimits(keys.command("create").description("create an API key; its secret is shown once"))
    .requiredOption("--name <name>", "what the key is called, up to 100 characters")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const created = await api.send("POST", "/v1/keys", toBody(options));
      print(output, created, (row) => `${toKeyFields(row)}\n\nThe secret, shown this once:\n${row["secret"]}`);
    });

  withConnection(keys.command("rotate").description("give a key a new secret, shown once"))
    .argument("<id>", "the key's id")
    .option("--grace-seconds <seconds>", "how long the secret before still works, 0 to 86400", "0")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const body = { grace_seconds: toCount("--grace-seconds", options.graceSeconds) };
      const rotated = await api.send("POST", `${pathOf(id)}/rotate`, body);
      print(output, rotated, ({ secret }) => `The new secret of ${id}, shown this once:\n${secret}`);
    });
}

function addReadingCommands(keys: Command, deps: CliDeps): void {
  withConnection(keys.command("list").description("list API keys, newest first"))
    .option("--status <status>", "active, revoked or expired; all unless given")
    .option("--user <id>", "only keys that act for this person")
    .option("--name-prefix <text>", "how the name begins")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { status, user: user_id, namePrefix: name_prefix, limit, cursor } = options;
      const query = toQuery({ status, user_id, name_prefix, limit, cursor });
      print(output, await api.send("GET", `/v1/keys${query}`), toKeyTable);
    });

  withConnection(keys.command("show").description("show a key: what it may do, its limits and when it was last used"))
    .argument("<id>", "the key's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toKeyFields);
    });
}

function addChangingCommands(keys: Command, deps: CliDeps): void {
  withLimits(keys.command("update").description("change a key on every node; what is not given stays as it is"))
    .argument("<id>", "the key's id")
    .option("--name <name>", "what the key is called, up to 100 characters")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PATCH", pathOf(id), toBody(options)), toKeyFields);
    });

  withConnection(keys.command("revoke").description("refuse a key from now on, on every node"))
    .argument("<id>", "the key's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(id)), () => `${id} is revoked.`);
    });
}

function pathOf(id: string): string {
  return `/v1/keys/${encodeURIComponent(id)}`;
}

/** The fields that are given. */
function toBody(options: Row & LimitOptions): Row {
  const { name, description, permission, model } = options;
  const body: Row = { name, description, permissions: permission, models: model, ...toLimitBody(options) };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function toLimitBody(options: LimitOptions): Row {
  return {
    requests_per_minute: orNone(options.requestsPerMinute, (text) => toCount("--requests-per-minute", text)),
    tokens_per_minute: orNone(options.tokensPerMinute, (text) => toCount("--tokens-per-minute", text)),
    max_concurrent_requests: orNone(options.concurrent, (text) => toCount("--concurrent", text)),
    budget: orNone(options.budget, toBudget),
    expires_at: orNone(options.expiresAt, (text) => text),
    allowed_ips: orNothing(options.allowIp),
    allowed_origins: orNothing(options.allowOrigin),
  };
}

function orNone(given: string | readonly string[] | undefined, read: (text: string) => unknown): unknown {
  if (given === undefined) return undefined;
  return given === "none" ? null : read(String(given));
}

function orNothing(given: string | readonly string[] | undefined): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list = [given].flat();
  return list.length === 1 && list[0] === "none" ? [] : list;
}

function toCount(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new CommandError(`${option} must be a whole number, not '${text}'.`);
  return Number(text);
}

function toBudget(text: string): Row {
  const [limit, period] = text.split("/");
  if (!limit || !period)
    throw new CommandError(`--budget must be an amount and a period, such as 25/month, not '${text}'.`);
  return { limit, period };
}

function toKeyFields(row: Row): string {
  const budget = row["budget"] as { limit: string; period: string } | null;
  const { id, name, description, prefix, user_id: person, permissions, models } = row;
  const { created_at: created, last_used_at: lastUsed, expires_at: expires, revoked_at: revoked } = row;
  return toFields({
    ...{ id, name, description, prefix, person, permissions, models: listed(models, "all") },
    "requests per minute": row["requests_per_minute"] ?? "no limit",
    "tokens per minute": row["tokens_per_minute"] ?? "no limit",
    concurrent: row["max_concurrent_requests"] ?? "no limit",
    budget: budget ? `${budget.limit}/${budget.period}` : "no limit",
    "from addresses": listed(row["allowed_ips"], "all"),
    "from web pages": listed(row["allowed_origins"], "all"),
    ...{ created, "last used": lastUsed ?? "never", expires: expires ?? "never", revoked: revoked ?? "no" },
  });
}

function listed(value: unknown, none: string): unknown {
  return Array.isArray(value) && value.length === 0 ? none : value;
}

function toKeyTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[
      it["id"],
      it["name"],
      it["prefix"],
      it["user_id"],
      it["revoked_at"] ? "revoked" : (it["expires_at"] ?? "never"),
    ],
    ...[it["created_at"], it["last_used_at"]],
  ]);
  const table = toTable(["ID", "NAME", "PREFIX", "PERSON", "ENDS", "CREATED", "LAST USED"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
