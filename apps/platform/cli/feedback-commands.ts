import { type Command, Option } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/feedback";
const pathOf = (id: string) => `/v1/requests/${encodeURIComponent(id)}/feedback`;

/** `lyss feedback give|list|sum|remove`. */
export function addFeedbackCommands(program: Command, deps: CliDeps): void {
  const feedback = program.command("feedback").description("scores of calls' answers, and what they come to");

  withConnection(feedback.command("give").description("score a call; once more by the same name takes its place"))
    .argument("<call>", "its id: the header lyss-call-id of its answer")
    .argument("<name>", "what is scored, such as helpful")
    .argument("<value>", "a number, true or false, or a label")
    .option("--comment <text>", "why")
    .option("--author <who>", "whom it is given for; yourself unless given")
    .action(async (id: string, name: string, value: string, { comment, author, ...options }) => {
      const { api, output } = connect(deps, options);
      const body = { name, value: readValue(value), comment, author };
      print(output, await api.send("POST", pathOf(id), body), toFields);
    });

  withFilter(withConnection(feedback.command("list").description("list scores, the newest first")))
    .option("--call <id>", "only of this call")
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ call, limit, cursor, name, model, route, prompt, from, to, ...options }) => {
      const { api, output } = connect(deps, options);
      const page = { limit, cursor };
      const at = call
        ? pathOf(call) + toQuery(page)
        : path + toQuery({ ...page, name, model, route, prompt, from, to });
      print(output, await api.send("GET", at), toListTable);
    });

  withFilter(withConnection(feedback.command("sum").description("what scores come to, each name by itself")))
    .addOption(
      new Option("--by <what>", "of calls that are alike in this")
        .choices(["model", "route", "prompt", "arm"])
        .default("model"),
    )
    .action(async ({ by, name, model, route, prompt, from, to, ...options }) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ by, name, model, route, prompt, from, to });
      print(output, await api.send("GET", `${path}/summary${query}`), toSumTable);
    });

  withConnection(feedback.command("remove").description("take back a score that you have given"))
    .argument("<call>", "its id")
    .argument("<name>", "what was scored")
    .option("--author <who>", "whom it was given for")
    .action(async (id: string, name: string, { author, ...options }) => {
      const { api, output } = connect(deps, options);
      const at = `${pathOf(id)}/${encodeURIComponent(name)}${toQuery({ author })}`;
      print(output, await api.send("DELETE", at), () => `The score '${name}' of ${id} is taken back.`);
    });
}

function withFilter(command: Command): Command {
  return command
    .option("--name <name>", "only of this name")
    .option("--model <name>", "only of calls that this model has answered")
    .option("--route <name>", "only of calls of this route")
    .option("--prompt <name>", "only of calls that began with this prompt")
    .option("--from <time>", "given from then on, as 2026-11-01T00:00:00Z")
    .option("--to <time>", "given before");
}

/** As it is meant: `true` and `0.5` are no labels. */
function readValue(text: string): boolean | number | string {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function toListTable({ data }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["created_at"], it["call_id"], it["name"], it["value"], it["provider"], it["model"]],
    ...[versioned(it, "route"), versioned(it, "prompt"), it["author"], it["comment"]],
  ]);
  return toTable(["GIVEN", "CALL", "NAME", "VALUE", "PROVIDER", "MODEL", "ROUTE", "PROMPT", "AUTHOR", "COMMENT"], rows);
}

function toSumTable({ data }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["provider"], it["model"], versioned(it, "route"), versioned(it, "prompt"), it["name"], it["count"]],
    ...[rounded(it["average"]), it["min"], it["max"], labelsOf(it["labels"])],
  ]);
  return toTable(["PROVIDER", "MODEL", "ROUTE", "PROMPT", "NAME", "COUNT", "AVERAGE", "MIN", "MAX", "LABELS"], rows);
}

function versioned(row: Row, field: "route" | "prompt"): string {
  const [name, version] = [row[field], row[`${field}_version`]];
  return name === null ? "" : version === null ? `${name}` : `${name} v${version}`;
}

function rounded(value: unknown): string {
  return typeof value === "number" ? String(Math.round(value * 1_000) / 1_000) : "";
}

function labelsOf(labels: unknown): string {
  return Object.entries((labels ?? {}) as Readonly<Record<string, number>>)
    .sort(([, a], [, b]) => b - a)
    .map(([label, count]) => `${label} ${count}`)
    .join(", ");
}
