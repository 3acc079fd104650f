import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type ApiClient, CommandError } from "./api-client.ts";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { formatNanos, parsePercent, parseUsd } from "./usd.ts";

type Row = Record<string, unknown>;

const runs = "/admin/billing/integrity/runs";
const pollMs = 500;

/** `lyss billing verify|rebuild|reconcile`: whether the money adds up, for those who operate the platform. */
export function addBillingCommands(program: Command, deps: CliDeps): void {
  const billing = program.command("billing").description("the journal of money, and whether it adds up");

  withConnection(
    billing
      .command("verify")
      .description("check every wallet, posting, entry and recorded call; ends with 1 on a finding"),
  )
    .option("--wait <seconds>", "how long to wait for the result", "3600")
    .addHelpText("after", "\nExample:\n  lyss billing verify --json > findings.json")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const run = await verify(api, deps.pause, Number(options.wait));
      print(output, run, toReport);
      if (run["state"] !== "passed")
        throw new CommandError(`The journal does not add up: ${run["finding_count"]} findings.`);
    });

  addReconcileCommand(billing, deps);

  withConnection(
    billing
      .command("rebuild")
      .description(
        "compare every wallet with its entries, holds and leases, and every budget with its calls; ends with 1 where they differ and stay so",
      ),
  )
    .option("--apply", "write what they come to")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss billing rebuild --apply --yes")
    .action(async (options) => {
      const apply = options.apply === true;
      if (apply) requireYes(options, "Wallets and budgets that differ will be set to what they come to.");
      const { api, output } = connect(deps, options);
      const result = await rebuild(api, apply);
      print(output, result, toDifferences);
      const { differences, budgets } = result;
      if (!apply && differences.length + budgets.length > 0)
        throw new CommandError(`${differences.length} wallets and ${budgets.length} budgets differ.`);
    });
}

/** `lyss billing reconcile`. */
function addReconcileCommand(billing: Command, deps: CliDeps): void {
  withConnection(
    billing
      .command("reconcile")
      .description("compare a provider's usage report with what was recorded; ends with 1 unless they agree"),
  )
    .requiredOption("--provider <name>", "whose report it is")
    .requiredOption("--file <path>", "CSV with day, model and cost; account, request_id and tokens if known")
    .option("--tolerance <units>", "a difference of a day and model up to this is none", "0.01")
    .option("--tolerance-percent <percent>", "nor is one up to this share of what is reported", "0.5")
    .addHelpText("after", "\nExample:\n  lyss billing reconcile --provider openai --file costs.csv")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const run = await api.send("POST", "/admin/billing/reconciliations", {
        provider: options.provider,
        csv: readReport(options.file),
        tolerance_nanos: String(parseUsd(options.tolerance)),
        tolerance_ppm: parsePercent(options.tolerancePercent),
      });
      print(output, run, toReconciliation);
      if (run["state"] === "unknown")
        throw new CommandError("Some of it has no cost price, and cannot be compared: set one, and compare again.");
      if (run["state"] !== "matched")
        throw new CommandError(`The report and the ledger drift apart by ${toUnits(run["drift_nanos"])}.`);
    });
}

function readReport(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CommandError(`${path} cannot be read.`, { cause });
  }
}

function toUnits(nanos: unknown): string {
  return formatNanos(String(nanos));
}

function toReconciliation(run: Row): string {
  const { id, state, from_day, to_day, corrected_attempts, refunded_nanos, charged_nanos } = run;
  const money = { refunded: toUnits(refunded_nanos), charged: toUnits(charged_nanos) };
  const fields = toFields({
    reconciliation: id,
    state,
    from: from_day,
    to: to_day,
    corrected: corrected_attempts,
    ...money,
  });
  const rows = (run["differences"] as Row[]).map((it) => [
    ...[
      it["day"],
      it["model"],
      it["account"],
      it["state"],
      toUnits(it["reported_nanos"]),
      toUnits(it["recorded_nanos"]),
    ],
    ...[it["unknown_attempts"], it["estimated_attempts"]],
  ]);
  const headings = ["DAY", "MODEL", "ACCOUNT", "STATE", "REPORTED", "RECORDED", "UNKNOWN", "ESTIMATED"];
  return `${fields}\n\n${toTable(headings, rows)}`;
}

/** Wants a run and waits for its end. */
async function verify(api: ApiClient, pause: CliDeps["pause"], waitSeconds: number): Promise<Row> {
  let run = await api.send("POST", runs, {});
  for (let waitedMs = 0; run["ended_at"] === null; waitedMs += pollMs) {
    if (!(waitedMs < waitSeconds * 1_000)) {
      throw new CommandError(
        `Check ${run["id"]} has not ended after ${waitSeconds} s. It goes on: GET ${runs}/${run["id"]}`,
      );
    }
    await pause(pollMs);
    run = await api.send("GET", `${runs}/${run["id"]}`);
  }
  return run;
}

async function rebuild(api: ApiClient, apply: boolean) {
  const differences: Row[] = [];
  const budgets: Row[] = [];
  let checked = 0;
  let cursor: unknown = "";
  do {
    const page = await api.send("POST", "/admin/billing/balances:rebuild", { apply, cursor });
    differences.push(...(page["data"] as Row[]));
    budgets.push(...(page["budgets"] as Row[]));
    checked += Number(page["checked"]);
    cursor = page["next_cursor"];
  } while (cursor !== null);
  return { checked, applied: apply, differences, budgets };
}

function toReport(run: Row): string {
  const { id, state, wallets, postings, usage_rows, finding_count, digest } = run;
  const fields = toFields({ check: id, state, wallets, postings, calls: usage_rows, findings: finding_count, digest });
  const rows = (run["findings"] as Row[]).map((it) => [
    it["check"],
    [it["wallet_id"], it["posting_id"], it["call_id"]].filter((name) => name !== "").join(" "),
    it["detail"],
  ]);
  return rows.length === 0 ? fields : `${fields}\n\n${toTable(["CHECK", "WHERE", "WHAT"], rows)}`;
}

function toDifferences({ checked, applied, differences, budgets }: Awaited<ReturnType<typeof rebuild>>): string {
  const done = applied ? "were set to what they come to" : "differ from what they come to";
  const wallets = differences.map((it) => [
    ...[it["wallet_id"], it["tenant_id"], it["balance_nanos"], it["journal_nanos"], it["held_nanos"], it["open_nanos"]],
  ]);
  const drifted = budgets.map((it) => [it["budget_id"], it["tenant_id"], it["reserved"], it["held"]]);
  return [
    ...(wallets.length > 0 ? [toTable(["WALLET", "TENANT", "BALANCE", "JOURNAL", "HELD", "OPEN"], wallets)] : []),
    ...(drifted.length > 0 ? [toTable(["BUDGET", "TENANT", "RESERVED", "IN FLIGHT"], drifted)] : []),
    `${wallets.length} of ${checked} wallets and ${drifted.length} budgets ${done}.`,
  ].join("\n\n");
}
