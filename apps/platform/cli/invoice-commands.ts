import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { formatNanos } from "./usd.ts";

type Row = Record<string, unknown>;

/** `lyss invoices list|show|download|close`. */
export function addInvoiceCommands(program: Command, deps: CliDeps): void {
  const invoices = program.command("invoices").description("billing periods and their invoices");

  withConnection(invoices.command("list").description("list invoices, newest first"))
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .option("--all-tenants", "of every tenant; for operators")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const filters = { limit: options.limit, cursor: options.cursor };
      const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== undefined));
      const path = options.allTenants ? "/admin/billing/invoices" : "/v1/billing/invoices";
      print(output, await api.send("GET", `${path}?${query}`), toInvoiceTable);
    });

  withConnection(invoices.command("show").description("show an invoice or draft"))
    .argument("<id>", "as 'lyss invoices list' shows it")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/v1/billing/invoices/${encodeURIComponent(id)}`), toInvoiceText);
    });

  withConnection(invoices.command("download").description("save an invoice as a file"))
    .argument("<id>", "as 'lyss invoices list' shows it")
    .option("--format <format>", "pdf or csv", "pdf")
    .option("--folder <folder>", "where to save it", ".")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const query = new URLSearchParams({ format: options.format });
      const file = await api.download(`/v1/billing/invoices/${encodeURIComponent(id)}?${query}`);
      const path = join(options.folder, file.name);
      writeFileSync(path, file.bytes);
      print(output, { path, bytes: file.bytes.length }, () => path);
    });

  withConnection(
    invoices.command("close").description("close every period that is due now; happens by itself, too"),
  ).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("POST", "/admin/billing/invoices:close"), ({ issued, refused }) =>
      toFields({ issued, ...(Number(refused) > 0 && { "refused, see the log": refused }) }),
    );
  });
}

function toInvoiceTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const { start, end } = it["period"] as Row;
    const amounts = [it["charged_nanos"], it["closing_nanos"]].map(toAmount);
    return [it["number"] ?? it["state"], String(start).slice(0, 10), String(end).slice(0, 10), ...amounts, it["id"]];
  });
  const table = toTable(["NUMBER", "FROM", "BEFORE", "USAGE", "CLOSING", "ID"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toInvoiceText(it: Row): string {
  const { start, end } = it["period"] as Row;
  const sums = (it["sums"] as Row[]).map((sum) => [String(sum["category"]), toAmount(sum["amount_nanos"])]);
  const usage = (it["usage"] as Row[]).map((line) => [
    ...[line["model"], line["provider"], line["price_version"], line["about_period"], line["calls"]],
    toAmount(line["charge_nanos"]),
  ]);
  const facts = toFields({
    ...{ id: it["id"], number: it["number"] ?? it["state"], period: `${start} to ${end}`, currency: it["currency"] },
    ...{ opening: toAmount(it["opening_nanos"]), ...Object.fromEntries(sums), closing: toAmount(it["closing_nanos"]) },
  });
  const table = toTable(["MODEL", "PROVIDER", "PRICE", "ABOUT", "CALLS", "CHARGE"], usage);
  return usage.length > 0 ? `${facts}\n\n${table}` : facts;
}

/** Nanos as a decimal, exactly. */
function toAmount(nanos: unknown): string {
  return typeof nanos === "string" ? formatNanos(nanos) : "";
}
