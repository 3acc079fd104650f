import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";
import { addUsageCommands } from "./usage-commands.ts";
import { formatUsd } from "./usd.ts";
import { addWalletCommands } from "./wallet-commands.ts";

type Row = Record<string, unknown>;

/** `lyss wallet show|top-up|adjust|grant|refund`, and `lyss usage` with what is below it. */
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

  addUsageCommands(program, deps);
}

function toBalanceText({ currency, balance, available, credit_limit: limit, held_nanos: held }: Row): string {
  const setAside = `${formatUsd(String(held))} ${currency}`;
  return toFields({
    balance: `${balance} ${currency}`,
    available: `${available} ${currency}`,
    held: setAside,
    ...(limit !== "0" && { "credit limit": `${limit} ${currency}` }),
  });
}
