import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/auth/clients";

/** `lyss client create|list|show|update|rotate|enable|disable|remove`; `lyss clients` is the same. */
export function addClientCommands(program: Command, deps: CliDeps): void {
  const clients = program
    .command("client")
    .alias("clients")
    .description("service clients: programs that get access tokens of their own (client_credentials)");
  addMaking(clients, deps);
  addReading(clients, deps);
  addChanging(clients, deps);
}

function withGrants(command: Command): Command {
  return withConnection(command)
    .option("--description <text>", "what it is for, up to 500 characters")
    .option("--model <model...>", "models it may use; all that you may use unless given")
    .option("--allow-ip <network...>", "addresses and networks it may call from, such as 203.0.113.0/24, or none")
    .option("--expires-at <time>", "when it ends, such as 2027-01-31T00:00:00Z, or none")
    .option("--jwks <file>", "public keys by which it signs (private_key_jwt), a JSON file; it has no secret then")
    .option("--jwks-uri <url>", "where such keys are found");
}

function addMaking(clients: Command, deps: CliDeps): void {
  withGrants(clients.command("create").description("make a service client; its secret is shown once"))
    .requiredOption("--name <name>", "what it is called, up to 100 characters")
    .requiredOption("--permission <permission...>", "resource:action, each of which you hold")
    .addHelpText("after", "\nExample:\n  lyss client create --name nightly --permission model:call billing:read")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const created = await api.send("POST", path, toBody(options));
      print(output, created, (row) =>
        row["client_secret"] === null
          ? toClientFields(row)
          : `${toClientFields(row)}\n\nThe secret, shown this once:\n${row["client_secret"]}`,
      );
    });

  withConnection(clients.command("rotate").description("give a service client a new secret, shown once"))
    .argument("<id>", "the client's id")
    .option("--grace-seconds <seconds>", "how long the secret before still gets tokens, 0 to 86400", "0")
    .action(async (id: string, options) => {
      if (!/^\d{1,6}$/.test(options.graceSeconds)) {
        throw new CommandError(`--grace-seconds must be a whole number, not '${options.graceSeconds}'.`);
      }
      const { api, output } = connect(deps, options);
      const body = { grace_seconds: Number(options.graceSeconds) };
      const rotated = await api.send("POST", `${pathOf(id)}/rotate`, body);
      print(output, rotated, ({ client_secret: secret }) => `The new secret of ${id}, shown this once:\n${secret}`);
    });
}

function addReading(clients: Command, deps: CliDeps): void {
  withConnection(clients.command("list").description("list service clients, newest first"))
    .option("--status <status>", "active, disabled or expired; all unless given")
    .option("--name-prefix <text>", "how the name begins")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { status, namePrefix: name_prefix, limit, cursor } = options;
      const query = toQuery({ status, name_prefix, limit, cursor });
      print(output, await api.send("GET", `${path}${query}`), toClientTable);
    });

  withConnection(clients.command("show").description("show a service client: what it may do, and until when"))
    .argument("<id>", "the client's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toClientFields);
    });
}

function addChanging(clients: Command, deps: CliDeps): void {
  withGrants(clients.command("update").description("change a service client; what is not given stays as it is"))
    .argument("<id>", "the client's id")
    .option("--name <name>", "what it is called, up to 100 characters")
    .option("--permission <permission...>", "resource:action; you answer for them from then on")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PATCH", pathOf(id), toBody(options)), toClientFields);
    });

  for (const [name, isDisabled, what] of [
    ["disable", true, "refuse a service client and its tokens, on every node"],
    ["enable", false, "let a service client get tokens again"],
  ] as const) {
    withConnection(clients.command(name).description(what))
      .argument("<id>", "the client's id")
      .action(async (id: string, options) => {
        const { api, output } = connect(deps, options);
        print(output, await api.send("PATCH", pathOf(id), { disabled: isDisabled }), () => `${id} is ${name}d.`);
      });
  }

  withConnection(clients.command("remove").description("remove a service client with its secrets and tokens"))
    .argument("<id>", "the client's id")
    .option("--yes", "do it")
    .action(async (id: string, options) => {
      requireYes(options, `This ends the tokens of ${id} and cannot be taken back.`);
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(id)), () => `${id} is removed.`);
    });
}

function pathOf(id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}

/** A document of public keys (RFC 7517). Throws a CommandError that names the file. */
function readJwks(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (err) {
    throw new CommandError(`--jwks ${file} cannot be read as JSON: ${err instanceof Error ? err.message : err}`);
  }
}

/** The fields that are given. */
function toBody({ name, description, permission, model, allowIp, expiresAt, jwks: file, jwksUri: jwks_uri }: Row): Row {
  const allowed_ips = Array.isArray(allowIp) && allowIp.join() === "none" ? [] : allowIp;
  const expires_at = expiresAt === "none" ? null : expiresAt;
  const jwks = typeof file === "string" ? readJwks(file) : undefined;
  const keys = { jwks, jwks_uri };
  const body: Row = { name, description, permissions: permission, models: model, allowed_ips, expires_at, ...keys };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function toClientFields(row: Row): string {
  const { id, name, description, permissions, granted_by, created_at: created } = row;
  const all = (value: unknown) => (Array.isArray(value) && value.length === 0 ? "all" : value);
  return toFields({
    ...{ id, name, description, permissions, "granted by": granted_by },
    ...toProofFields(row),
    ...{ models: all(row["models"]), "from addresses": all(row["allowed_ips"]), created },
    ...{ "last token": row["last_used_at"] ?? "never", expires: row["expires_at"] ?? "never" },
    disabled: row["disabled_at"] ?? "no",
  });
}

/** How it proves who it is. */
function toProofFields({ prefix, jwks, jwks_uri: uri }: Row): Row {
  if (typeof uri === "string") return { "keys at": uri };
  if (!jwks) return { secret: `${prefix}…` };
  const { keys } = jwks as { readonly keys: readonly Row[] };
  return { keys: keys.map(({ kty, kid }) => (kid ? `${kty} ${kid}` : kty)) };
}

function toClientTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["id"], it["name"], it["prefix"], it["granted_by"]],
    ...[it["disabled_at"] ? "disabled" : (it["expires_at"] ?? "never"), it["created_at"], it["last_used_at"]],
  ]);
  const table = toTable(["ID", "NAME", "PREFIX", "GRANTED BY", "ENDS", "CREATED", "LAST TOKEN"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
