import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { dropAbsent } from "./drop-absent.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";
import { addRolloutCommands } from "./rollout-commands.ts";
import { formatUsd } from "./usd.ts";

type Row = Record<string, unknown>;
type Values = Record<string, unknown>;

const versionsPathOf = (name: string) => `/api/v1/ai/route-versions/${encodeURIComponent(name)}`;
const pathOf = (name: string) => `/api/v1/ai/routes/${encodeURIComponent(name)}`;
const targetExample =
  "openai/gpt-4o-mini,weight=9,priority=0,quality=0.8,tag.env=prod,user=usr_1,key=key_1,tokens=..2000,complexity=60..,tools=true,media=false,mentions=proof,meaning=refund please,similarity=0.6";

/** `lyss route list|get|put|delete|compare|dry-run`; `lyss routes` is the same. */
export function addRouteCommands(program: Command, deps: CliDeps): void {
  const route = program
    .command("route")
    .alias("routes")
    .description("names that go to several targets, as you or the operator say");

  withConnection(route.command("list").description("list your own routes, then the operator's"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/api/v1/ai/routes${toQuery({ limit, cursor })}`), toRouteTable);
    });

  withConnection(route.command("get").description("show a route, and how its targets do"))
    .argument("<name>", "what callers write into 'model'")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(name)), toRouteText);
    });

  withTargets(route.command("put").description("make a route of your own, or put this in its place"))
    .option(
      "--hedge <percentile>",
      "ask a second target beside one that is slower than so many of a hundred calls, 50 to 99",
      readCount,
    )
    .option(
      "--continues",
      "go on at another target with a stream that breaks off, where that continues answers; both are paid",
    )
    .addOption(
      new Option(
        "--mirror <target>",
        `also send a share of the calls there when they are over, for 'compare': ${mirrorExample}`,
      ).argParser(parseMirror),
    )
    .option("--if-version <n>", "only if the route is at this version", readCount)
    .action(async (name: string, { hedge, continues, mirror, ifVersion, ...options }) => {
      const { api, output } = connect(deps, options);
      const body = { ...readSpec(options), ...dropAbsent({ hedge, continues, mirror }) };
      const put = await api.send("PUT", pathOf(name), body, { expectedVersion: ifVersion });
      print(output, put, toRouteText);
    });

  withConnection(route.command("versions").description("list what a route of your own was, the newest first"))
    .argument("<name>")
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async (name: string, { limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${versionsPathOf(name)}${toQuery({ limit, cursor })}`), toVersionTable);
    });

  withConnection(route.command("roll-back").description("put a route back to what it was at a version"))
    .argument("<name>")
    .requiredOption("--to <version>", "as 'versions' lists it", readCount)
    .option("--if-version <n>", "only if the route is at this version", readCount)
    .action(async (name: string, { to, ifVersion: expectedVersion, ...options }) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ limit: "1", cursor: undefined, before: String(to + 1) });
      const { data } = (await api.send("GET", `${versionsPathOf(name)}${query}`)) as Row;
      const [found] = data as Row[];
      if (found?.["version"] !== to)
        throw new InvalidArgumentError(`${name} has no version ${to}; see 'lyss route versions ${name}'.`);
      const { object: _object, version: _version, updated_at: _updatedAt, ...body } = found ?? {};
      print(output, await api.send("PUT", pathOf(name), body, { expectedVersion }), toRouteText);
    });

  withConnection(route.command("delete").description("remove a route of your own"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(name)), (it) => `${it["name"]} is removed.`);
    });

  withConnection(route.command("compare").description("show how a route's calls and their mirrors ended"))
    .argument("<name>", "what callers write into 'model'")
    .option("--hours <n>", "how far back to look, 1 to 720; 24 unless given", readCount)
    .action(async (name: string, { hours, ...options }) => {
      const { api, output } = connect(deps, options);
      const path = `/api/v1/ai/mirrors/${encodeURIComponent(name)}${toQuery({ hours })}`;
      print(output, await api.send("GET", path), toComparisonText);
    });

  addRolloutCommands(route, deps, { withTargets, readSpec });

  withTargets(
    route.command("dry-run").description("say where recorded calls would have gone, and at what cost; nothing changes"),
  )
    .option("--calls <n>", "how many calls to look at, 1 to 1000; 200 unless given", readCount)
    .action(async (name: string, { calls, ...options }) => {
      const { api, output } = connect(deps, options);
      const body = { ...readSpec(options), ...dropAbsent({ calls }) };
      print(output, await api.send("POST", `${pathOf(name)}:dry-run`, body), toDryRunText);
    });
}

/** What says where calls go, of a route or of a version of it. */
function withTargets(command: Command): Command {
  return withConnection(command)
    .argument("<name>", "what callers write into 'model'")
    .addOption(
      new Option("--strategy <strategy>", "scored unless given").choices([
        ...["scored", "fallback", "weighted", "experiment", "cost", "latency", "throughput", "quality"],
      ]),
    )
    .addOption(
      new Option(
        "--target <target...>",
        "provider/model, or route:<name> for all of another route's, in order; after commas its weight, priority, quality and for which calls it is",
      ).argParser((text: string, before: Row[] = []) => [...before, parseTarget(text)]),
    )
    .option("--embedding <model>", "what makes vectors for targets with meaning=; who calls pays for it")
    .option("--file <path>", "all of the route as YAML or JSON, as in the configuration; options go before it")
    .addHelpText("after", `\nA target in full:\n  --target ${targetExample}`);
}

/** What the options say, before what the file says. */
function readSpec({ file, strategy, embedding, target: targets }: Row): Row {
  const { name: _name, ...spec } = typeof file === "string" ? readFile(file) : {};
  const given = { ...spec, ...dropAbsent({ strategy, embedding, targets }) };
  if (given["targets"] === undefined) throw new CommandError("Say where calls may go: --target or --file.");
  return given;
}

function readFile(path: string): Row {
  try {
    const spec: unknown = parse(readFileSync(path, "utf8"));
    if (typeof spec === "object" && spec !== null && !Array.isArray(spec)) return spec as Row;
  } catch (err) {
    throw new CommandError(`${path} cannot be read: ${err instanceof Error ? err.message : err}`);
  }
  throw new CommandError(`${path} holds no route: it begins with 'strategy:' or 'targets:'.`);
}

function parseTarget(text: string): Row {
  const [place = "", ...settings] = text.split(",");
  const numbers: Values = {};
  const tags: Values = {};
  const when: Values = {};
  const lists: Record<string, string[]> = { user: [], key: [], mentions: [], meaning: [] };
  for (const setting of settings) {
    const [, name = "", value = ""] = /^([^=]+)=(.+)$/.exec(setting) ?? [];
    const [isRange, min, max] = /^(\d*)\.\.(\d*)$/.exec(value) ?? [];
    if (["tokens", "complexity"].includes(name) && isRange !== undefined) {
      when[name] = { ...(min && { min: Number(min) }), ...(max && { max: Number(max) }) };
    } else if (["tools", "media"].includes(name) && /^(true|false)$/.test(value)) when[name] = value === "true";
    else if (Object.hasOwn(lists, name)) lists[name]?.push(value);
    else if (["weight", "priority", "quality", "similarity"].includes(name) && /^\d+(\.\d+)?$/.test(value))
      numbers[name] = Number(value);
    else if (name.startsWith("tag.")) tags[name.slice("tag.".length)] = value;
    else throw new InvalidArgumentError(`'${setting}' is not known; write it as ${targetExample}.`);
  }
  const { similarity, ...own } = numbers;
  const { user: users, key: keys, mentions = [], meaning: examples = [] } = lists;
  if (mentions.length > 0) when["mentions"] = mentions;
  if (examples.length > 0 || similarity !== undefined) when["meaning"] = dropAbsent({ examples, similarity });
  const conditions = { tags, users, keys, ...(Object.keys(when).length > 0 && { when }) };
  return { ...parsePlace(place), ...own, ...conditions };
}

const mirrorExample = "openai/gpt-4o-mini,share=0.1";

function parseMirror(text: string): Row {
  const [, provider, model, share] = /^([^/,]+)\/([^,]+),share=(\d*\.?\d+)$/.exec(text) ?? [];
  if (share === undefined || !(Number(share) > 0 && Number(share) <= 1)) {
    throw new InvalidArgumentError(`Write it as ${mirrorExample}, with a share of up to 1.`);
  }
  return { provider, model, share: Number(share) };
}

const nestedPrefix = "route:";

function parsePlace(place: string): Row {
  if (place.startsWith(nestedPrefix) && place !== nestedPrefix) return { route: place.slice(nestedPrefix.length) };
  const slash = place.indexOf("/");
  if (slash < 1 || slash === place.length - 1) throw new InvalidArgumentError(`Write it as ${targetExample}.`);
  return { provider: place.slice(0, slash), model: place.slice(slash + 1) };
}

function toPlace({ provider, model, route }: Row): string {
  return route === undefined ? `${provider}/${model}` : `${nestedPrefix}${route}`;
}

function toRouteTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const targets = (it["targets"] as Row[]).map(toPlace);
    return [it["name"], it["strategy"], it["source"], it["version"], targets.join(" ")];
  });
  const table = toTable(["NAME", "STRATEGY", "SOURCE", "VERSION", "TARGETS"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toVersionTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["version"], it["updated_at"], it["strategy"], (it["targets"] as Row[]).map(toPlace).join(" ")],
  ]);
  const table = toTable(["VERSION", "SINCE", "STRATEGY", "TARGETS"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toRouteText({ targets, ...it }: Row): string {
  const mirror = it["mirror"] as Row | null;
  const about = {
    ...{ name: it["name"], strategy: it["strategy"], source: it["source"], version: it["version"] },
    ...(it["embedding"] !== null && { embedding: it["embedding"] }),
    ...(mirror && { mirror: `${toPlace(mirror)}, ${Number(mirror["share"]) * 100} % of the calls` }),
  };
  const rows = (targets as Row[]).map((target) => {
    const health = target["health"] as Row | null;
    return [
      ...[toPlace(target), target["priority"], target["weight"], target["quality"], toConditions(target)],
      ...[health?.["state"] ?? (target["route"] === undefined ? "missing" : ""), health?.["score"]],
      ...[health?.["first_byte_ms"], health?.["tokens_per_second"], health?.["availability"]],
    ];
  });
  const headings = [
    "TARGET",
    "PRIORITY",
    "WEIGHT",
    "QUALITY",
    "ONLY FOR",
    "STATE",
    "SCORE",
    "FIRST BYTE MS",
    "TOKENS/S",
    "ANSWERED",
  ];
  return `${toFields(about)}\n\n${toTable(headings, rows)}`;
}

function toConditions({ tags, users, keys, when = {} }: Row): string {
  const { mentions = [], meaning, ...asked } = when as Row;
  const { examples = [], similarity } = (meaning ?? {}) as Row;
  const likeness = Object.entries(asked as Row).map(([name, it]) => `${name}=${toConditionText(it)}`);
  const pairs = Object.entries(tags as Row).map(([name, value]) => `${name}=${value}`);
  const words = (mentions as string[]).map((word) => `mentions=${word}`);
  const near = (examples as string[]).map((example) => `meaning=${JSON.stringify(example)}`);
  return [
    ...[...pairs, ...(users as string[]), ...(keys as string[]), ...likeness, ...words, ...near],
    ...(near.length > 0 ? [`similarity=${similarity}`] : []),
  ].join(" ");
}

function toConditionText(it: unknown): string {
  if (typeof it !== "object" || it === null) return String(it);
  const { min = "", max = "" } = it as Row;
  return `${min}..${max}`;
}

function toComparisonText({ since, comparisons }: Row): string {
  const rows = (comparisons as Row[]).flatMap(({ calls, ...sides }) =>
    ["first", "mirror"].map((name) => {
      const side = sides[name] as Row;
      const share = `${(100 * Number(side["success_rate"])).toFixed(1)} %`;
      const cost = formatUsd(BigInt(String(side["cost_nanos"])));
      return [
        ...[name, toPlace(side), calls, share, toMs(side["p50_ms"]), toMs(side["p95_ms"])],
        ...[side["input_tokens"], side["output_tokens"], cost],
      ];
    }),
  );
  if (rows.length === 0) return `No call was mirrored since ${since}.`;
  return toTable(["SIDE", "TARGET", "CALLS", "ANSWERED", "P50 MS", "P95 MS", "TOKENS IN", "OUT", "COST"], rows);
}

function toMs(value: unknown): string {
  return value === null ? "" : Number(value).toFixed(0);
}

function toDryRunText(run: Row): string {
  const money = (field: string) => formatUsd(BigInt(String(run[field])));
  const sums = {
    ...{
      calls: run["calls"],
      undecided: run["undecided_calls"],
      "without a target": run["unserved_calls"],
      "without a price": run["unpriced_calls"],
    },
    ...{
      "did cost": money("recorded_nanos"),
      "would cost": money("cost_nanos"),
      difference: money("difference_nanos"),
    },
  };
  const rows = (run["targets"] as Row[]).map((it) => [
    ...[`${it["provider"]}/${it["model"]}`, it["calls"], formatUsd(BigInt(String(it["cost_nanos"])))],
  ]);
  return `${toFields(sums)}\n\n${toTable(["TARGET", "CALLS", "COST"], rows)}`;
}
