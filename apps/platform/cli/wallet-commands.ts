import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";

/** `lyss wallet adjust|grant|overdraft|refund`: what operators do to tenants' money by hand, each once for its reference. */
export function addWalletCommands(wallet: Command, deps: CliDeps): void {
  const command = (name: string, description: string) =>
    withConnection(wallet.command(name).description(description))
      .requiredOption("--reference <text>", "names this; a repeat with the same one does nothing more")
      .requiredOption("--reason <text>", "for whoever reads the books");

  command("adjust", "put money into a tenant's wallet, or take some out")
    .argument("<tenant>")
    .argument("<amount>", "such as 5 or -2.50; write -- before a negative one")
    .action(async (tenant: string, amount: string, options) => {
      const { api, output } = connect(deps, options);
      const { reference, reason } = options;
      const path = `/admin/billing/wallets/${encodeURIComponent(tenant)}/adjustments`;
      print(output, await api.send("POST", path, { amount, reference, reason }), toFields);
    });

  command("grant", "give a tenant credit that ends; it is spent before other money")
    .argument("<tenant>")
    .argument("<amount>", "in units of the currency")
    .requiredOption("--expires <time>", "when it ends, as 2026-12-31T23:59:59Z")
    .action(async (tenant: string, amount: string, options) => {
      const { api, output } = connect(deps, options);
      const { reference, reason, expires: expires_at } = options;
      const path = `/admin/billing/wallets/${encodeURIComponent(tenant)}/grants`;
      print(output, await api.send("POST", path, { amount, expires_at, reference, reason }), toFields);
    });

  command("overdraft", "let a tenant spend so much beyond what it has; 0 ends that")
    .argument("<tenant>")
    .argument("<limit>", "in units of the currency")
    .action(async (tenant: string, limit: string, options) => {
      const { api, output } = connect(deps, options);
      const { reference, reason } = options;
      const path = `/admin/billing/wallets/${encodeURIComponent(tenant)}/credit-limit`;
      print(output, await api.send("PUT", path, { limit, reference, reason }), toFields);
    });

  command("refund", "give back what a call has cost, or a part of it")
    .argument("<call>", "its id, as `lyss usage` shows it")
    .option("--amount <amount>", "in units of the currency; all of it unless given")
    .action(async (call: string, options) => {
      const { api, output } = connect(deps, options);
      const { reference, reason, amount } = options;
      const body = { reference, reason, ...(amount !== undefined && { amount }) };
      print(output, await api.send("POST", `/admin/billing/calls/${encodeURIComponent(call)}/refund`, body), toFields);
    });
}
