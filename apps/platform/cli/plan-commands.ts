import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { formatPercent, parsePercent } from "./usd.ts";

type Row = Record<string, unknown>;

const pathOf = (name: string) => `/admin/billing/plans/${encodeURIComponent(name)}`;

/** `lyss plans list|show|set|assign|unassign`. */
export function addPlanCommands(program: Command, deps: CliDeps): void {
  const plans = program.command("plans").description("price plans: a mark-up and prices that tenants are put on");

  withConnection(plans.command("list").description("list price plans"))
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ limit: options.limit, cursor: options.cursor });
      print(output, await api.send("GET", `/admin/billing/plans${query}`), ({ data, next_cursor: next }) => {
        const table = toPlanTable(data as Row[]);
        return next ? `${table}\n\nMore: --cursor ${next}` : table;
      });
    });

  withConnection(plans.command("show").description("show a plan and the tenants on it"))
    .argument("<name>")
    .option("--limit <count>", "tenants, 1 to 200", "50")
    .option("--cursor <cursor>", "the next tenants, from the page before")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const plan = await api.send("GET", pathOf(name));
      const query = toQuery({ limit: options.limit, cursor: options.cursor });
      const page = await api.send("GET", `${pathOf(name)}/tenants${query}`);
      print(output, { ...plan, on_it: page["data"], next_cursor: page["next_cursor"] }, (shown) => {
        const rows = (shown.on_it as Row[]).map((it) => [it["tenant_id"], it["assigned_at"]]);
        const more = shown.next_cursor ? `\n\nMore: --cursor ${shown.next_cursor}` : "";
        return `${toPlanTable([shown])}\n\n${toTable(["TENANT", "SINCE"], rows)}${more}`;
      });
    });

  withConnection(plans.command("set").description("create a plan, or change its mark-up; for calls from then on"))
    .argument("<name>", "a-z, 0-9, '.', '_' and '-'")
    .requiredOption("--markup <percent>", "on every price that holds for all, such as 10 or -12.5")
    .option("--description <text>", "what it is for", "")
    .option("--max-credit <amount>", "how much credit its tenants may be given at most; as before unless given")
    .addHelpText("after", "\nExample:\n  lyss plans set partners --markup -10 --max-credit 500")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const { description, maxCredit: max_credit_limit } = options;
      const body = { markup_ppm: parsePercent(options.markup), description, max_credit_limit };
      print(output, await api.send("PUT", pathOf(name), body), (plan) => toPlanTable([plan]));
    });

  withConnection(plans.command("assign").description("put a tenant on a plan, in place of the one that it is on"))
    .argument("<name>")
    .argument("<tenant>", "the tenant's id")
    .action(async (name: string, tenant: string, options) => {
      const { api, output } = connect(deps, options);
      const done = await api.send("PUT", `${pathOf(name)}/tenants/${encodeURIComponent(tenant)}`);
      print(output, done, () => `${tenant} is on ${name}.`);
    });

  withConnection(plans.command("unassign").description("take a tenant off a plan"))
    .argument("<name>")
    .argument("<tenant>", "the tenant's id")
    .action(async (name: string, tenant: string, options) => {
      const { api, output } = connect(deps, options);
      const done = await api.send("DELETE", `${pathOf(name)}/tenants/${encodeURIComponent(tenant)}`);
      print(output, done, () => `${tenant} is not on ${name}.`);
    });
}

function toPlanTable(plans: readonly Row[]): string {
  return toTable(
    ["NAME", "MARK-UP", "VERSION", "MAX CREDIT", "TENANTS", "DESCRIPTION"],
    plans.map((it) => [
      ...[it["name"], formatPercent(it["markup_ppm"]), it["version"], it["max_credit_limit"], it["tenants"]],
      it["description"],
    ]),
  );
}
