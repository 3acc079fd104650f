import { type Command, InvalidArgumentError } from "commander";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/request-bodies";
const pathOf = (id: string) => `/v1/requests/${encodeURIComponent(id)}/bodies`;

/** `lyss request-bodies policy|on|off|list|get|delete|purge`. */
export function addRequestBodyCommands(program: Command, deps: CliDeps): void {
  const bodies = program
    .command("request-bodies")
    .description("what is said in calls, kept where the tenant wishes it; off unless it was put on");
  addPolicyCommands(bodies, deps);

  withConnection(bodies.command("list").description("list the calls of which something is kept, the newest first"))
    .option("--model <name>", "only calls of this model")
    .option("--key <id>", "only calls with this key")
    .option("--user <id>", "only calls of this person")
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ model, key, user, limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ model, key_id: key, user_id: user, limit, cursor });
      print(output, await api.send("GET", `${path}${query}`), toListTable);
    });

  withConnection(bodies.command("get").alias("show").description("show what was said in a call; it is audited"))
    .argument("<call>", "its id: the header lyss-call-id of its answer")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), (it) => JSON.stringify(it, null, 2));
    });

  withConnection(bodies.command("delete").description("remove what is kept of a call"))
    .argument("<call>", "its id: the header lyss-call-id of its answer")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(id)), () => `Nothing is kept of ${id} any more.`);
    });

  withConnection(bodies.command("purge").description("forget all that is kept, at once"))
    .option("--yes", "do it")
    .action(async ({ yes, ...options }) => {
      requireYes({ yes }, "Everything that is kept of the tenant's calls will be lost.");
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${path}:purge`), (it) => `${it["purged_calls"]} calls are forgotten.`);
    });
}

function addPolicyCommands(bodies: Command, deps: CliDeps): void {
  withConnection(bodies.command("policy").description("show of which calls something is kept")).action(
    async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${path}/policy`), toText);
    },
  );

  withConnection(bodies.command("on").description("keep requests and answers, redacted and sealed"))
    .option("--model <name...>", "only calls of these models; 'gpt-4o*' for all that begin so")
    .option("--key <id...>", "only calls with these keys; all unless given")
    .option("--sample <ratio>", "what share of these calls, 0 to 1; all unless given", readRatio)
    .option("--days <n>", "for how long, 1 to 90; 7 unless given", readCount)
    .option("--max-bytes <n>", "of a request, and of an answer; 65536 unless given", readCount)
    .option("--word <word...>", "take out these words, too")
    .option("--pattern <expression...>", "take out what is so, too")
    .option("--no-pii", "keep e-mail addresses, numbers of cards and the like")
    .action(async (given, _command) => {
      const { model, key, sample, days, maxBytes, word, pattern, pii, ...options } = given;
      const { api, output } = connect(deps, options);
      const redaction = { words: word, patterns: pattern, ...(pii === false && { pii: [] }) };
      const body = {
        ...{ models: model, keys: key, sample_ratio: sample, retention_days: days, max_bytes: maxBytes, redaction },
      };
      print(output, await api.send("PUT", `${path}/policy`, body), toText);
    });

  withConnection(
    bodies.command("off").description("keep nothing more; what is there stays until its time is over"),
  ).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("DELETE", `${path}/policy`), () => "Nothing more is kept.");
  });
}

function readRatio(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("It must be from 0 to 1.");
  return value;
}

function toText(it: Row): string {
  const policy = it["policy"] as Row;
  const redaction = policy["redaction"] as Record<string, string[]>;
  const listOf = (value: unknown, none: string) => (value as string[]).join(" ") || none;
  return toFields({
    ...{ models: listOf(policy["models"], "all"), keys: listOf(policy["keys"], "all"), sample: policy["sample_ratio"] },
    ...{ kept: keptText(it, policy), "cut at": `${policy["max_bytes"]} bytes` },
    "taken out": listOf(redaction["pii"], "no PII"),
    ...{ words: redaction["words"]?.length, patterns: redaction["patterns"]?.length },
    ...{ calls: it["calls"], bytes: it["bytes"], dropped: it["dropped"], version: it["version"] },
  });
}

function keptText({ allowed }: Row, policy: Row): string {
  if (allowed) return `${policy["retention_days"]} days, or as long as the data policy allows`;
  return "nothing: the tenant's data policy does not allow it (lyss tenant data-policy set --store-bodies yes)";
}

function toListTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["id"], it["model"], it["surface"], it["complete"] ? "whole" : "broken off", it["started_at"]],
  ]);
  const table = toTable(["CALL", "MODEL", "SURFACE", "ANSWER", "STARTED"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}
