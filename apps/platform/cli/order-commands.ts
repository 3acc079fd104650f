import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss orders list|show|refund`: what tenants have ordered to pay, for operators. */
export function addOrderCommands(program: Command, deps: CliDeps): void {
  const orders = program.command("orders").description("top-up orders of every tenant");

  withConnection(orders.command("list").description("list top-up orders, newest first"))
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .option("--tenant <id>", "only orders of this tenant")
    .option("--state <state>", "created, pending, processing, paid, failed or expired")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { limit, cursor, tenant: tenant_id, state } = options;
      const filters = Object.entries({ limit, cursor, tenant_id, state }).filter(([, value]) => value !== undefined);
      print(output, await api.send("GET", `/admin/billing/orders?${new URLSearchParams(filters)}`), toOrderTable);
    });

  withConnection(orders.command("refund").description("send money of a paid order back to whoever paid"))
    .argument("<id>")
    .option("--amount <amount>", "in units of the currency; all that was not returned yet unless given")
    .requiredOption("--reference <text>", "names this; a repeat with the same one does nothing more")
    .requiredOption("--reason <text>", "for whoever reads the books")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const { reference, reason, amount } = options;
      const body = { reference, reason, ...(amount !== undefined && { amount }) };
      print(output, await api.send("POST", `/admin/billing/orders/${encodeURIComponent(id)}/refund`, body), toFields);
    });

  withConnection(orders.command("show").description("show a top-up order"))
    .argument("<id>")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/admin/billing/orders/${encodeURIComponent(id)}`), toFields);
    });
}

function toOrderTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["created_at"], it["id"], it["tenant_id"], it["state"], `${it["amount"]} ${it["currency"]}`],
    ...[it["provider"], it["ended_at"]],
  ]);
  const table = toTable(["TIME", "ID", "TENANT", "STATE", "AMOUNT", "PROVIDER", "ENDED"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
