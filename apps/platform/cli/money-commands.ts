import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { addWalletCommands } from "./wallet-commands.ts";

type Row = Record<string, unknown>;

/** `lyss wallet show|top-up|adjust|grant|refund` and `lyss usage`. */
export function addMoneyCommands(program: Command, deps: CliDeps): void {
  const wallet = program.command("wallet").description("prepaid money");

  addWalletCommands(wallet, deps);
  withConnection(wallet.command("show").description("show the balance")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", "/v1/billing/balance"), toBalanceText);
  });

  withConnection(wallet.command("top-up").description("credit the wallet by hand"))
    .argument("<amount>", "in units of the currency, such as 25 or 0.50")
    .option("--reference <text>", "names this top-up; a repeat with the same one credits nothing")
    .action(async (amount: string, options) => {
      const { api, output } = connect(deps, options);
      const reference = options.reference ?? `cli-${randomUUID()}`;
      print(output, await api.send("POST", "/v1/billing/top-up", { amount, reference }), toBalanceText);
    });

  withConnection(program.command("usage").description("list calls and what they cost, newest first"))
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .option("--key <id>", "only calls of this key")
    .option("--model <name>", "only calls of this model")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const filters = { limit: options.limit, cursor: options.cursor, key_id: options.key, model: options.model };
      const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== undefined));
      print(output, await api.send("GET", `/v1/billing/usage?${query}`), toUsageTable);
    });
}

function toBalanceText({ currency, balance, available, held_nanos: held }: Row): string {
  const setAside = `${Number(held) / 1e9} ${currency}`;
  return toFields({ balance: `${balance} ${currency}`, available: `${available} ${currency}`, held: setAside });
}

function toUsageTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["created_at"], it["model"], it["provider"], it["status"], it["input_tokens"], it["output_tokens"]],
    ...[(Number(it["cost_nanos"]) / 1e9).toFixed(9), it["estimated"] ? "yes" : "", it["latency_ms"], it["id"]],
  ]);
  const headings = ["TIME", "MODEL", "PROVIDER", "STATUS", "IN", "OUT", "COST", "ESTIMATED", "MS", "ID"];
  const table = toTable(headings, rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
