import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss codes create|list|disable`: redemption codes, for operators. */
export function addCodeCommands(program: Command, deps: CliDeps): void {
  const codes = program.command("codes").description("redemption codes");

  withConnection(codes.command("create").description("make codes; they are printed this once"))
    .argument("<name>", "what they are for")
    .argument("<amount>", "what each is worth, in units of the currency")
    .option("--count <count>", "1 to 1,000", "1")
    .option("--prefix <text>", "what they begin with: capital letters and digits", "")
    .option("--max-uses <count>", "how often each may be redeemed, by different tenants", "1")
    .option("--once-per-tenant", "a tenant may redeem only one of them")
    .option("--expires <time>", "until when, as 2026-12-31T23:59:59Z")
    .action(async (name: string, amount: string, options) => {
      const { api, output } = connect(deps, options);
      const made = await api.send("POST", "/admin/billing/codes", {
        ...{ name, amount, count: Number(options.count), prefix: options.prefix, max_uses: Number(options.maxUses) },
        ...{ once_per_tenant: options.oncePerTenant === true, expires_at: options.expires ?? null },
      });
      print(output, made, ({ codes: made }) => (made as string[]).join("\n"));
    });

  withConnection(codes.command("list").description("list batches, newest first"))
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = new URLSearchParams({ limit: options.limit, ...(options.cursor && { cursor: options.cursor }) });
      print(output, await api.send("GET", `/admin/billing/codes?${query}`), toBatchTable);
    });

  withConnection(codes.command("disable").description("disable a batch: none of its codes is good from now on"))
    .argument("<id>")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `/admin/billing/codes/${encodeURIComponent(id)}/disable`), toFields);
    });
}

function toBatchTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["created_at"], it["id"], it["name"], `${it["amount"]} ${it["currency"]}`, it["count"], it["redemptions"]],
    ...[it["expires_at"], it["disabled_at"]],
  ]);
  const table = toTable(["TIME", "ID", "NAME", "WORTH", "CODES", "REDEEMED", "EXPIRES", "DISABLED"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
