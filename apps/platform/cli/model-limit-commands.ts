import { type Command, Option } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";
import { formatUsd } from "./usd.ts";

type Row = Record<string, unknown>;

const pathOf = (name: string) => `/admin/model-limits/${encodeURIComponent(name)}`;

/** `lyss model-limit list|get|put|delete`; for operators. */
export function addModelLimitCommands(program: Command, deps: CliDeps): void {
  const limit = program
    .command("model-limit")
    .alias("model-limits")
    .description("how much models and providers' accounts are asked (for operators)");

  withConnection(limit.command("list").description("list the limits, by name"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ limit: most, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/admin/model-limits${toQuery({ limit: most, cursor })}`), toLimitTable);
    });

  withConnection(limit.command("get").description("show a limit, and what counts against it now"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(name)), toLimitText);
    });

  withConnection(limit.command("put").description("make a limit, or put this in its place"))
    .argument("<name>", "what answers and metrics call it")
    .option("--provider <name>", "the operator's account there")
    .option("--model <name>", "as Lyss calls it; of every provider without --provider")
    .addOption(new Option("--per <whom>", "all unless given").choices(["all", "tenant", "user", "key"]))
    .option("--requests-per-minute <n>", "attempts in any minute", readCount)
    .option("--tokens-per-minute <n>", "tokens in and out in any minute", readCount)
    .option("--max-concurrent <n>", "attempts under way", readCount)
    .option("--cost-usd <amount>", "US dollars in any window, such as 25 or 0.5")
    .option("--cost-window-ms <n>", "that window, 60000 to 86400000; an hour unless given", readCount)
    .option("--if-version <n>", "only if the limit is at this version", readCount)
    .action(async (name: string, given) => {
      const { provider, model, per, requestsPerMinute, tokensPerMinute, maxConcurrent, ...rest } = given;
      const { costUsd, costWindowMs, ifVersion: expectedVersion, ...options } = rest;
      const body = {
        ...{ provider, model, per, requests_per_minute: requestsPerMinute, tokens_per_minute: tokensPerMinute },
        ...{ max_concurrent: maxConcurrent, cost_usd: costUsd, cost_window_ms: costWindowMs },
      };
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", pathOf(name), body, { expectedVersion }), toLimitText);
    });

  withConnection(limit.command("delete").description("remove a limit that was set by call"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(name)), (it) => `${it["name"]} is removed.`);
    });
}

function placeOf({ provider, model }: Row): string {
  return `${provider ?? "*"}/${model ?? "*"}`;
}

function toLimitTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["name"], placeOf(it), it["per"], it["requests_per_minute"], it["tokens_per_minute"]],
    ...[it["max_concurrent"], it["cost_usd"], it["source"], it["version"]],
  ]);
  const headings = ["NAME", "FOR", "PER", "REQUESTS/MIN", "TOKENS/MIN", "AT ONCE", "COST USD", "SOURCE", "VERSION"];
  const table = toTable(headings, rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toLimitText(it: Row): string {
  const used = it["used"] as Row | null;
  return toFields({
    ...{ name: it["name"], for: placeOf(it), per: it["per"], source: it["source"], version: it["version"] },
    ...(it["requests_per_minute"] !== undefined && { "requests a minute": it["requests_per_minute"] }),
    ...(it["tokens_per_minute"] !== undefined && { "tokens a minute": it["tokens_per_minute"] }),
    ...(it["max_concurrent"] !== undefined && { "at once": it["max_concurrent"] }),
    ...(it["cost_usd"] !== undefined && { "cost USD": it["cost_usd"], "cost window ms": it["cost_window_ms"] }),
    ...(used && {
      ...{ "under way": used["in_flight"], "requests now": used["requests"], "tokens now": used["tokens"] },
      "cost now": formatUsd(BigInt(String(used["cost_nanos"]))),
    }),
  });
}
