import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toTable } from "./print.ts";
import { formatUsd } from "./usd.ts";

type Counts = Readonly<Record<string, number>>;
interface Used {
  readonly calls: number;
  readonly cost_nanos: string;
}
interface Stats {
  readonly tenants: Counts;
  readonly people: Counts;
  readonly sessions: number;
  readonly keys: number;
  readonly usage: { readonly today: Used; readonly month: Used };
}

/** `lyss stats`: what there is in all tenants together. */
export function addStatsCommand(program: Command, deps: CliDeps): void {
  withConnection(
    program.command("stats").description("count tenants, people, sessions, keys and usage; for operators"),
  ).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", "/admin/stats"), (found) => toText(found as unknown as Stats));
  });
}

function toText({ tenants, people, sessions, keys, usage: { today, month } }: Stats): string {
  const rows = [
    ...Object.entries(tenants).map(([status, count]) => [`tenants ${status}`, count]),
    ...Object.entries(people).map(([status, count]) => [`people ${status}`, count]),
    ["sessions open", sessions],
    ["keys active", keys],
    ["calls today", today.calls],
    ["spent today", formatUsd(today.cost_nanos)],
    ["calls this month", month.calls],
    ["spent this month", formatUsd(month.cost_nanos)],
  ];
  return toTable(["WHAT", "COUNT"], rows);
}
