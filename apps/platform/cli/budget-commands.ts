import { Argument, type Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toTable } from "./print.ts";

type Row = Record<string, unknown>;

const limitOptions = {
  unit: "money, tokens or calls",
  period: "minute, hour, day, month or total",
};

/** `lyss budget list|set|show|delete` and `lyss quota show|set|delete`. */
export function addBudgetCommands(program: Command, deps: CliDeps): void {
  const budget = program.command("budget").description("caps of a tenant, a group, a user or a key");

  withConnection(budget.command("list").description("list budgets, newest first"))
    .option("--scope <scope>", "tenant, group, user or key")
    .option("--scope-id <id>", "only those of this group, user or key")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { limit, cursor, scope, scopeId } = options;
      const filters = Object.entries({ limit, cursor, scope, scope_id: scopeId });
      const query = new URLSearchParams(filters.filter(([, value]) => value !== undefined));
      print(output, await api.send("GET", `/v1/billing/budgets?${query}`), toBudgetTable);
    });

  withConnection(budget.command("set").description("cap a scope; one for the same unit and period gets the new limit"))
    .addArgument(new Argument("<scope>").choices(["tenant", "group", "user", "key"]))
    .argument("[id]", "of the group, user or key")
    .requiredOption("--unit <unit>", limitOptions.unit)
    .requiredOption("--limit <amount>", "in units of the currency, tokens or calls")
    .requiredOption("--period <period>", limitOptions.period)
    .option("--time-zone <name>", "IANA name; UTC unless given")
    .option("--reset-day <day>", "1 to 28, on which a month begins; 1 unless given")
    .option("--alert <percent...>", "when to say so; the configured ones unless given")
    .action(async (scope: string, id: string | undefined, options) => {
      const { api, output } = connect(deps, options);
      const { unit, limit, period, timeZone, resetDay, alert } = options;
      const set = await api.send("POST", "/v1/billing/budgets", {
        ...{ scope, unit, limit, period },
        ...(id !== undefined && { scope_id: id }),
        ...(timeZone !== undefined && { time_zone: timeZone }),
        ...(resetDay !== undefined && { reset_day: Number(resetDay) }),
        ...(alert !== undefined && { alert_percents: alert.map(Number) }),
      });
      print(output, set, (row) => toBudgetTable({ data: [row] }));
    });

  withConnection(budget.command("show").description("show a budget and what is used of it"))
    .argument("<id>", "the budget's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const found = await api.send("GET", `/v1/billing/budgets/${encodeURIComponent(id)}`);
      print(output, found, (row) => toBudgetTable({ data: [row] }));
    });

  withConnection(budget.command("delete").description("lift a budget"))
    .argument("<id>", "the budget's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const deleted = await api.send("DELETE", `/v1/billing/budgets/${encodeURIComponent(id)}`);
      print(output, deleted, () => `${id} is deleted.`);
    });

  addQuotaCommands(program, deps);
}

function addQuotaCommands(program: Command, deps: CliDeps): void {
  const quota = program.command("quota").description("what one person may use");
  const pathOf = (userId: string) => `/api/v1/billing/quotas/${encodeURIComponent(userId)}`;

  withConnection(quota.command("show").description("show what a person may use and what is left"))
    .argument("[user]", "the person's id; you unless given", "me")
    .action(async (userId: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(userId)), toQuotaTable);
    });

  withConnection(quota.command("set").description("replace a person's limits; none at all lifts them"))
    .argument("<user>", "the person's id")
    .argument("[limits...]", "such as money:25/month, tokens:1000000/day, calls:60/minute")
    .option("--time-zone <name>", "IANA name; UTC unless given")
    .action(async (userId: string, limits: readonly string[], options) => {
      const { api, output } = connect(deps, options);
      const zone = options.timeZone === undefined ? {} : { time_zone: options.timeZone };
      const body = { limits: limits.map((text) => ({ ...toLimit(text), ...zone })) };
      print(output, await api.send("PUT", pathOf(userId), body), toQuotaTable);
    });

  withConnection(quota.command("delete").description("give a person the configured default again"))
    .argument("<user>", "the person's id")
    .action(async (userId: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(userId)), toQuotaTable);
    });
}

/** `unit:limit/period`. What is wrong with it the platform says, by name. */
function toLimit(text: string): Row {
  const [, unit = text, limit = "", period = ""] = /^([^:]*):([^/]*)\/(.*)$/.exec(text) ?? [];
  return { unit, limit, period };
}

function toBudgetTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [it["id"], it["scope"], it["scope_id"], ...toCells(it)]);
  const table = toTable(["ID", "SCOPE", "OF", ...headings], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toQuotaTable({ user_id: userId, limits }: Row): string {
  const rows = (limits as Row[]).map(toCells);
  return rows.length === 0 ? `${userId} has no limits of their own.` : toTable(headings, rows);
}

const headings = ["UNIT", "PERIOD", "LIMIT", "USED", "RESERVED", "LEFT", "RESETS"];

function toCells(it: Row): unknown[] {
  return [
    ...[it["unit"], it["period"], it["limit"], it["used"], it["reserved"], it["remaining"]],
    it["reset_at"] ?? "never",
  ];
}
