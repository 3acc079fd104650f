import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss key create|list|revoke`. */
export function addKeyCommands(program: Command, deps: CliDeps): void {
  const key = program.command("key").description("API keys");

  withConnection(key.command("create").description("create an API key; its secret is shown once"))
    .requiredOption("--name <name>", "what the key is for")
    .option("--permission <permission...>", "resource:action; model:call, model:list and billing:read unless given")
    .option("--model <model...>", "models it may use; all that you may use unless given")
    .option("--expires-at <time>", "when it ends, such as 2027-01-31T00:00:00Z")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const created = await api.send("POST", "/v1/keys", {
        name: options.name,
        permissions: options.permission ?? [],
        models: options.model ?? [],
        expires_at: options.expiresAt ?? null,
      });
      print(output, created, ({ id, name, secret, permissions }) => toFields({ id, name, secret, permissions }));
    });

  withConnection(key.command("list").description("list API keys, newest first"))
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = new URLSearchParams({ limit: options.limit, ...(options.cursor && { cursor: options.cursor }) });
      print(output, await api.send("GET", `/v1/keys?${query}`), toKeyTable);
    });

  withConnection(key.command("revoke").description("refuse a key from now on, on every node"))
    .argument("<id>", "the key's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const revoked = await api.send("DELETE", `/v1/keys/${encodeURIComponent(id)}`);
      print(output, revoked, () => `${id} is revoked.`);
    });
}

function toKeyTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["id"], it["name"], it["prefix"], it["revoked_at"] ? "revoked" : "active"],
    ...[it["created_at"], it["last_used_at"]],
  ]);
  const table = toTable(["ID", "NAME", "PREFIX", "STATUS", "CREATED", "LAST USED"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
