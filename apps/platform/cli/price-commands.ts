import { readFileSync } from "node:fs";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { Command } from "commander";
import { type ApiClient, CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { formatPercent, formatUsd, parsePercent, parseUsd } from "./usd.ts";

type Row = Record<string, unknown>;
type Rates = Readonly<Record<string, string>>;

const dayMs = 86_400_000;

/** `lyss prices list|show|set|dry-run`. */
export function addPriceCommands(program: Command, deps: CliDeps): Command {
  const prices = program.command("prices").description("what models cost");

  withConnection(prices.command("list").description("list what you pay for each model, in USD per million tokens"))
    .option("--provider <name>", "only models of this provider")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const found = await api.send("GET", `/v1/billing/prices${toQuery({ provider: options.provider })}`);
      print(output, found, ({ data }) => toPriceTable(data as Row[]));
    });

  withConnection(prices.command("show").description("list every version of a model's price, newest first"))
    .argument("<provider>")
    .argument("<model>")
    .option("--tenant <id>", "the tenant's own price")
    .option("--plan <name>", "the plan's own price")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (provider: string, model: string, options) => {
      const { api, output } = connect(deps, options);
      const { tenant: tenant_id, plan, limit, cursor } = options;
      const query = toQuery({ provider, model, tenant_id, plan, limit, cursor });
      print(output, await api.send("GET", `/admin/billing/prices/versions${query}`), toVersionTable);
    });

  withTerms(withConnection(prices.command("set").description("put a new version of a model's price")))
    .argument("<provider>")
    .argument("<model>")
    .option("--tenant <id>", "only for this tenant")
    .option("--plan <name>", "only for tenants on this plan")
    .option("--effective-at <time>", "from when on, such as 2027-01-31T00:00:00Z; at once unless given")
    .addHelpText(
      "after",
      "\nExample:\n  lyss prices set openai gpt-4o-mini --input 0.15 --cached-input 0.075 --output 0.60",
    )
    .action(async (provider: string, model: string, options) => {
      const { api, output } = connect(deps, options);
      const { tenant: tenant_id, plan, effectiveAt: effective_at } = options;
      const body = { prices: [{ provider, model, terms: readTerms(options) }], tenant_id, plan, effective_at };
      print(output, await api.send("PUT", "/admin/billing/prices", body), toVersionTable);
    });

  withConnection(prices.command("dry-run").description("what calls would have cost with other prices; changes nothing"))
    .option("--from <day>", "the first day, such as 2027-01-01 (UTC); 30 days ago unless given")
    .option("--to <day>", "the day after the last; tomorrow unless given")
    .option("--tenant <id>", "only calls of this tenant")
    .option("--plan <name>", "try this plan")
    .option("--markup <percent>", "try this mark-up on every price, such as 10 or -12.5")
    .option("--prices <file>", 'try prices from a JSON file: [{"provider", "model", "terms"}]')
    .addHelpText("after", "\nExample:\n  lyss prices dry-run --from 2027-01-01 --to 2027-02-01 --markup -10")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await tryPrices(api, options), toEstimateTable);
    });
  withConnection(
    prices.command("import").description("compare prices with the list of well-known ones, and take it over"),
  )
    .option("--provider <name>", "only models of this provider")
    .option("--model <name...>", "with --provider: these models, also where they have no price yet")
    .option("--yes", "put what is new or changed; without it nothing is")
    .addHelpText("after", "\nExample:\n  lyss prices import --provider openai")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { provider, model: models } = options;
      const body = { provider, models, dry_run: options.yes !== true };
      print(output, await api.send("POST", "/admin/billing/prices:import", body), toImportTable);
    });
  return prices;
}

/** Options that say the terms of a price. */
function withTerms(command: Command): Command {
  return command
    .option("--input <usd>", "USD per million tokens of input")
    .option("--cached-input <usd>", "the same for input from the provider's cache; as other input unless given")
    .option("--output <usd>", "the same for output")
    .option("--rate <bucket=usd...>", "the same for another bucket: reasoning=60, audio_input=40, …")
    .option("--markup <percent>", "on the whole, such as 10 or -12.5")
    .option("--terms <file>", "all terms from a JSON file, as the API shows them");
}

interface TermsOptions {
  readonly input?: string;
  readonly cachedInput?: string;
  readonly output?: string;
  readonly rate?: readonly string[];
  readonly markup?: string;
  readonly terms?: string;
}

function readTerms({ input, cachedInput, output, rate = [], markup, terms }: TermsOptions): unknown {
  if (terms !== undefined) return readJson(terms);
  const named = rate.map((text) => {
    const [, bucket, usd] = /^(\w+)=([\d.]+)$/.exec(text) ?? [];
    if (bucket === undefined || usd === undefined) {
      throw new CommandError(`--rate ${text}: write it as bucket=usd, such as reasoning=60.`);
    }
    return [bucket, usd] as const;
  });
  const common = { input, cache_read: cachedInput, output };
  const given = [...Object.entries(common), ...named].flatMap(([bucket, usd]) =>
    usd === undefined ? [] : [[bucket, parseUsd(usd).toString()]],
  );
  if (given.length === 0) throw new CommandError("Say what it costs: --input and --output, or --terms with a file.");
  return { rates: Object.fromEntries(given), ...(markup !== undefined && { markup_ppm: parsePercent(markup) }) };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new CommandError(`${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

interface DryRunOptions {
  readonly from?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly plan?: string;
  readonly markup?: string;
  readonly prices?: string;
}

/** Day by day, so that no answer takes long, however many calls there are. */
async function tryPrices(api: ApiClient, options: DryRunOptions): Promise<{ data: readonly Row[] }> {
  const todayMs = Math.floor(systemClock.nowMs() / dayMs) * dayMs;
  const toMs = options.to === undefined ? todayMs + dayMs : parseDay(options.to);
  const fromMs = options.from === undefined ? todayMs - 30 * dayMs : parseDay(options.from);
  if (fromMs >= toMs) throw new CommandError("--from must lie before --to.");
  const proposal = {
    ...{ tenant_id: options.tenant, plan: options.plan },
    ...(options.markup !== undefined && { markup_ppm: parsePercent(options.markup) }),
    ...(options.prices !== undefined && { prices: readJson(options.prices) }),
  };
  const sums = new Map<string, Row>();
  for (let atMs = fromMs; atMs < toMs; atMs += dayMs) {
    const range = { from: new Date(atMs).toISOString(), to: new Date(Math.min(atMs + dayMs, toMs)).toISOString() };
    const { data } = await api.send("POST", "/admin/billing/prices:dry-run", { ...proposal, ...range });
    for (const row of data as Row[]) addRow(sums, row);
  }
  return { data: [...sums.values()] };
}

function addRow(sums: Map<string, Row>, row: Row): void {
  const name = `${row["provider"]}/${row["model"]}`;
  const known = sums.get(name);
  if (!known) {
    sums.set(name, row);
    return;
  }
  for (const field of ["charged_nanos", "proposed_nanos"]) {
    known[field] = (BigInt(String(known[field])) + BigInt(String(row[field]))).toString();
  }
  for (const field of ["calls", "cheaper", "dearer", "unchanged"])
    known[field] = Number(known[field]) + Number(row[field]);
}

function parseDay(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw new CommandError(`${text}: write a day as 2027-01-31.`);
  return ms;
}

function rateText(rates: Rates, bucket: string): string {
  return rates[bucket] === undefined ? "" : formatUsd(rates[bucket]);
}

/** What a price says besides the three common rates. */
function othersOf({ rates, tiers, modes, windows, markup_ppm: markup }: Row): string {
  const named = Object.entries(rates as Rates).filter(
    ([bucket]) => !["input", "cache_read", "output"].includes(bucket),
  );
  return [
    ...named.map(([bucket, nanos]) => `${bucket} ${formatUsd(nanos)}`),
    ...(tiers as Row[]).map((tier) =>
      [`above ${tier["above_input_tokens"]} tokens`, ...Object.keys(tier["modes"] as Row)].join(" and "),
    ),
    ...Object.keys(modes as Row),
    ...((windows as Row[]).length > 0 ? ["by time of day"] : []),
    ...(markup === 0 ? [] : [formatPercent(markup)]),
  ].join(", ");
}

function toPriceTable(data: readonly Row[]): string {
  const rows = data.map((it) => {
    const terms = it["terms"] as Row;
    const rates = terms["rates"] as Rates;
    const common = ["input", "cache_read", "output"].map((bucket) => rateText(rates, bucket));
    return [it["provider"], it["model"], ...common, othersOf(terms), it["version"], it["id"]];
  });
  return toTable(["PROVIDER", "MODEL", "INPUT", "CACHED", "OUTPUT", "ALSO", "VERSION", "ID"], rows);
}

function toVersionTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const terms = it["terms"] as Row;
    const rates = terms["rates"] as Rates;
    const common = ["input", "cache_read", "output"].map((bucket) => rateText(rates, bucket));
    return [it["version"], it["effective_at"], it["origin"], ...common, othersOf(terms), it["id"]];
  });
  const table = toTable(["VERSION", "EFFECTIVE", "BY", "INPUT", "CACHED", "OUTPUT", "ALSO", "ID"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toEstimateTable({ data }: { readonly data: readonly Row[] }): string {
  const rows = data.map((it) => {
    const [charged, proposed] = [BigInt(String(it["charged_nanos"])), BigInt(String(it["proposed_nanos"]))];
    return [
      ...[it["provider"], it["model"], it["calls"], formatUsd(charged), formatUsd(proposed)],
      ...[formatUsd(proposed - charged), it["cheaper"], it["dearer"], it["unchanged"]],
    ];
  });
  const headings = [
    "PROVIDER",
    "MODEL",
    "CALLS",
    "CHARGED",
    "PROPOSED",
    "DIFFERENCE",
    "CHEAPER",
    "DEARER",
    "UNCHANGED",
  ];
  return toTable(headings, rows);
}

function toImportTable({ data, source }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const usual = (terms: unknown) => {
      const rates = (terms as Row | null)?.["rates"] as Rates | undefined;
      return rates ? `${rateText(rates, "input")}/${rateText(rates, "output")}` : "";
    };
    const current = it["current"] as Row | null;
    const names = [it["provider"], it["model"], it["state"], it["direction"]];
    return [...names, usual(current?.["terms"]), usual(it["proposed"]), current?.["origin"]];
  });
  return `${toTable(["PROVIDER", "MODEL", "STATE", "", "CURRENT", "LIST", "BY"], rows)}\n\nFrom ${source}.`;
}
