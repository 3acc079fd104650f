import { createWriteStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { formatNanos } from "./usd.ts";

type Row = Record<string, unknown>;

/** `lyss usage` and what stands under it. */
export function addUsageCommands(program: Command, deps: CliDeps): void {
  const usage = withFilters(withConnection(program.command("usage")))
    .description("list calls and what they cost, newest first")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ ...filtersOf(options), limit: options.limit, cursor: options.cursor });
      print(output, await api.send("GET", `/v1/billing/usage?${query}`), toUsageTable);
    });

  withConnection(usage.command("summary").description("add calls up by time, and by what --by names"))
    .option("--unit <name>", "minute, hour, day or month, in UTC", "day")
    .option("--by <names>", "up to four of key, user, model, provider and tag:<key>, with commas in between", "model")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals();
      const { api, output } = connect(deps, options);
      const { status: _status, ...filters } = filtersOf(options);
      const asked = { ...filters, unit: options["unit"], group_by: options["by"], cursor: options["cursor"] };
      print(output, await api.send("GET", `/v1/billing/usage/summary?${toQuery(asked)}`), toSummaryTable);
    });

  addReportCommand(usage, deps);

  withConnection(usage.command("show").description("show why a call cost what it cost"))
    .argument("<call id>", "the header lyss-call-id of its answer")
    .action(async (callId: string, _options, command: Command) => {
      const { api, output } = connect(deps, command.optsWithGlobals());
      print(output, await api.send("GET", `/v1/billing/usage/${encodeURIComponent(callId)}`), toReceiptText);
    });

  withConnection(usage.command("explain").description("show why a call went where it did"))
    .argument("<call id>", "the header lyss-call-id of its answer")
    .action(async (callId: string, _options, command: Command) => {
      const { api, output } = connect(deps, command.optsWithGlobals());
      print(output, await api.send("GET", `/v1/requests/${encodeURIComponent(callId)}/receipt`), toExplanation);
    });

  withFilters(withConnection(usage.command("export").description("write all usage of a time, oldest first")))
    .option("--format <name>", "csv or jsonl", "csv")
    .option("--output <file>", "where to write it; standard output unless given")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals();
      const { api, output } = connect(deps, options);
      const query = toQuery({ ...filtersOf(options), format: options["format"] });
      const bytes = Readable.fromWeb((await api.stream(`/v1/billing/usage/export?${query}`)) as never);
      if (options["output"]) await pipeline(bytes, createWriteStream(options["output"]));
      else for await (const text of bytes.setEncoding("utf8")) output.write(text);
    });
}

/** What the API takes at once. */
const usesPerRequest = 200;

function addReportCommand(usage: Command, deps: CliDeps): void {
  withConnection(
    usage.command("report").description("charge usage that Lyss did not see itself; a repeat charges nothing"),
  )
    .argument("<file>", 'one object a line: {"id", "provider", "model", "buckets", …}')
    .option("--tenant <id>", "another tenant than your own")
    .action(async (file: string, _options, command: Command) => {
      const options = command.optsWithGlobals();
      const { api, output } = connect(deps, options);
      const uses = readLines(file);
      const results: Row[] = [];
      for (let at = 0; at < uses.length; at += usesPerRequest) {
        const body = { tenant_id: options["tenant"], usage: uses.slice(at, at + usesPerRequest) };
        results.push(...((await api.send("POST", "/api/v1/billing/usage", body))["data"] as Row[]));
      }
      print(output, { object: "list", data: results }, toReportTable);
    });
}

function readLines(file: string): readonly unknown[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line, n) => {
      if (line.trim() === "") return [];
      try {
        return [JSON.parse(line)];
      } catch {
        throw new CommandError(`${file}: line ${n + 1} is not JSON`);
      }
    });
}

function toReportTable({ data }: Row): string {
  const rows = (data as Row[]).map((it) => [it["id"], it["cost"], it["repeated"] ? "yes" : "", it["call_id"]]);
  return toTable(["ID", "COST", "REPEATED", "CALL"], rows);
}

function withFilters(command: Command): Command {
  return command
    .option("--from <time>", "only what began then or later, such as 2026-11-01T00:00:00Z")
    .option("--to <time>", "only what began before")
    .option("--key <id>", "only calls of this key")
    .option("--user <id>", "only calls of this person")
    .option("--model <name>", "only calls of this model")
    .option("--provider <name>", "only calls of this provider")
    .option("--status <name>", "only calls that ended like this")
    .option("--tag <tags>", "only calls with these tags, such as team=search,env=prod");
}

function filtersOf(options: Row): Row {
  const { from, to, model, provider, status, tag } = options;
  return { from, to, key_id: options["key"], user_id: options["user"], model, provider, status, tag };
}

function toQuery(fields: Row): URLSearchParams {
  return new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function toUsageTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["started_at"], it["model"], it["provider"], it["status"], it["input_tokens"], it["output_tokens"]],
    ...[toCost(it["cost_nanos"]), it["estimated"] ? "yes" : "", it["latency_ms"], it["id"]],
  ]);
  const headings = ["TIME", "MODEL", "PROVIDER", "STATUS", "IN", "OUT", "COST", "ESTIMATED", "MS", "ID"];
  const table = toTable(headings, rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toSummaryTable({ data, next_cursor: next }: Row): string {
  const sums = data as Row[];
  const names = Object.keys((sums[0]?.["group"] as Row | undefined) ?? {});
  const rows = sums.map((it) => [
    ...[it["start"], ...names.map((name) => (it["group"] as Row)[name]), it["calls"]],
    ...[it["input_tokens"], it["output_tokens"], toCost(it["cost_nanos"])],
  ]);
  const headings = ["START", ...names.map((name) => name.toUpperCase()), "CALLS", "IN", "OUT", "COST"];
  const table = toTable(headings, rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toReceiptText({ id, cost, currency, attempts }: Row): string {
  const parts = (attempts as Row[]).map((attempt) => {
    const [usage, price, rule] = [attempt["usage"], attempt["price"], attempt["rule"]] as [Row, Row, Row];
    const facts = toFields({
      attempt: usage["attempt"],
      began: usage["started_at"],
      model: `${usage["model"]} (${usage["provider"]})`,
      price: `${price["id"]}, version ${price["version"]}`,
      rule: `${rule["id"]}: ${rule["text"]}`,
      usage: usage["estimated"] ? "estimated" : "reported",
      posting: usage["posting_id"],
    });
    const lines = (attempt["lines"] as Row[]).map((line) => {
      return [line["bucket"], line["quantity"], line["nanos_per_million"], line["cost_nanos"]];
    });
    const sums = [
      ["mark-up", "", "", attempt["markup_nanos"]],
      ["rounding", "", "", attempt["rounding_nanos"]],
      ["not collected", "", "", usage["uncollected_nanos"]],
      ["charged", "", "", usage["cost_nanos"]],
    ];
    return `${facts}\n\n${toTable(["BUCKET", "QUANTITY", "NANOS PER MILLION", "NANOS"], [...lines, ...sums])}`;
  });
  return [`${id}: ${cost} ${currency}`, ...parts].join("\n\n");
}

/** What was looked up among questions that are alike. */
function toLookup(lookup: Row | null): Row {
  if (lookup === null) return {};
  const cost = lookup["embedding_cost_nanos"];
  return {
    "nearest question": `${lookup["similarity"] ?? "none"}, from ${lookup["min_similarity"]} on it is answered alike`,
    "its vector": `${lookup["embedding_call"]}${cost === null ? "" : `, ${toCost(cost)}`}`,
  };
}

function toExplanation(receipt: Row): string {
  const routing = receipt["routing"] as Row | null;
  const facts = toFields({
    call: receipt["id"],
    cost: `${toCost(receipt["cost_nanos"])} ${receipt["currency"]}`,
    ...(receipt["mirror_call"] !== null && { "mirrored by": receipt["mirror_call"] }),
    ...(receipt["mirror_of"] !== null && { "mirror of": receipt["mirror_of"] }),
    ...toLookup(receipt["semantic_cache"] as Row | null),
    ...(receipt["part_of"] !== null && { "part of": receipt["part_of"] }),
    ...(receipt["cache_saved_nanos"] !== null && { "saved by the cache": toCost(receipt["cache_saved_nanos"]) }),
    ...(routing && { model: routing["model"], strategy: routing["strategy"] ?? "in the providers' order" }),
    ...(routing?.["kept_by_conversation"] === true && { first: "served the conversation last" }),
  });
  const attempts = (receipt["attempts"] as Row[]).map((it) => [
    ...[it["attempt"], `${it["model"]} (${it["provider"]})`, it["status"], it["charged"] ? it["rule"] : "not charged"],
    toCost(it["cost_nanos"]),
  ]);
  const candidates = ((routing?.["candidates"] ?? []) as Row[]).map((it) => {
    const health = it["health"] as Row | null;
    const name = `${it["model"]} (${it["provider"]})`;
    return [it["place"] ?? "", name, it["result"], it["code"] ?? "", health?.["score"] ?? "", health?.["state"] ?? ""];
  });
  const meanings = receipt["meaning"] as Row[];
  return [
    facts,
    ...meanings.map(toMeaningText),
    toTable(["ATTEMPT", "MODEL", "STATUS", "RULE", "COST"], attempts),
    ...(routing ? [toTable(["PLACE", "CANDIDATE", "RESULT", "CODE", "SCORE", "STATE"], candidates)] : []),
  ].join("\n\n");
}

/** What a call was compared with, and what that cost. */
function toMeaningText({ model, result, calls, places }: Row): string {
  const made = (calls as Row[]).map((it) => {
    const cost = it["cost_nanos"] === null ? "not charged yet" : toCost(it["cost_nanos"]);
    return `${it["of"]}: ${it["call"]}, ${cost}`;
  });
  const facts = toFields({
    "by meaning": result,
    "vectors by": model,
    ...(made.length > 0 && { calls: made.join("; ") }),
  });
  const rows = (places as Row[]).map((it) => [
    ...[it["route"], it["target"], Number(it["similarity"]).toFixed(4), it["min_similarity"], it["example"]],
  ]);
  return rows.length === 0
    ? facts
    : `${facts}\n${toTable(["ROUTE", "TARGET", "SIMILARITY", "FROM", "NEAREST EXAMPLE"], rows)}`;
}

function toCost(nanos: unknown): string {
  return formatNanos(String(nanos));
}
