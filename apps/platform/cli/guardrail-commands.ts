import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { dropAbsent } from "./drop-absent.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const platformHelp = "of the platform, for all tenants (for operators)";
const rootOf = ({ platform }: { platform?: boolean }) => (platform ? "/admin/guardrails" : "/api/v1/ai/guardrails");
const pathOf = (given: { platform?: boolean }, name: string) => `${rootOf(given)}/${encodeURIComponent(name)}`;

/** `lyss guardrail list|show|add|test|remove`. */
export function addGuardrailCommands(program: Command, deps: CliDeps): void {
  const guardrail = program
    .command("guardrail")
    .alias("guardrails")
    .description("what calls and answers are looked at for");
  addReadingCommands(guardrail, deps);
  addAddCommand(guardrail, deps);

  withPlatform(guardrail.command("remove").description("remove a guardrail"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf({ platform }, name)), (it) => `${it["name"]} is removed.`);
    });
}

function addReadingCommands(guardrail: Command, deps: CliDeps): void {
  withPlatform(guardrail.command("list").description("list the guardrails, by name"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ platform, limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${rootOf({ platform })}${toQuery({ limit, cursor })}`), toGuardrailTable);
    });

  withPlatform(guardrail.command("show").description("show a guardrail"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf({ platform }, name)), toGuardrailText);
    });

  withPlatform(
    guardrail.command("test").description("show what becomes of a text; costs what models cost that are asked"),
  )
    .argument("<text>")
    .option("--name <name>", "only this guardrail; all that are in force unless given")
    .addOption(new Option("--side <side>", "as what it is looked at").choices(["request", "answer"]))
    .action(async (text: string, { platform, name, side, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${rootOf({ platform })}:test`, { text, name, side }), toTestText);
    });
}

function addAddCommand(guardrail: Command, deps: CliDeps): void {
  withPlatform(guardrail.command("add").description("make a guardrail, or put this in its place"))
    .argument("<name>", "lower-case letters, digits, dots, dashes and underscores")
    .addOption(
      new Option("--kind <kind>", "what it looks for").choices([
        ...["words", "patterns", "pii", "injection", "schema", "webhook", "model"],
      ]),
    )
    .addOption(new Option("--action <action>", "what becomes of it").choices(["block", "mask", "flag"]))
    .addOption(new Option("--on <side>", "what it looks at").choices(["request", "answer", "both"]))
    .option("--word <word...>", "of kind words")
    .option("--words <path>", "a file of kind words, one a line")
    .option("--pattern <pattern...>", "regular expressions of kind patterns")
    .option("--type <type...>", "of kind pii: email phone cn_id credit_card iban ip secret; all unless given")
    .option("--schema <path>", "a file with the JSON Schema of kind schema")
    .option("--webhook <url>", "of kind webhook: where texts are posted")
    .option("--secret-file <path>", "a file with what its messages are signed with, whsec_ and base64; none leaves it")
    .option("--asked-first", "of kind webhook: ask it, and replace what it replaces, before others are asked")
    .option("--judge <model>", "of kind model: what is asked, as a call of its own that costs")
    .addOption(new Option("--ask <how>", "as what it is asked").choices(["moderation", "chat"]))
    .option("--category <name...>", "what counts, of what the model knows; with --ask chat what to look for")
    .option("--threshold <score>", "from which score on, 0 to 1", readScore)
    .option("--timeout-ms <n>", "how long a webhook or model is waited for", readCount)
    .option("--window-chars <n>", "how much of a stream is held back for it at a time", readCount)
    .option("--model <model...>", "only calls of these models; a name may end in *")
    .option("--key <id...>", "only calls with these keys")
    .addOption(new Option("--on-error <how>", "whether a call goes on unseen").choices(["closed", "open"]))
    .option("--latency-budget-ms <n>", "what looking may take of a call", readCount)
    .option("--disabled", "do not put it in force")
    .option("--file <path>", "all of it as JSON")
    .option("--if-version <n>", "only if it is at this version", readCount)
    .action(async (name: string, given) => {
      const { platform, ifVersion: expectedVersion, file, ...rest } = given;
      const { kind, action, on, word, words, pattern, type, schema, model, key, ...more } = rest;
      const { onError, latencyBudgetMs, disabled, ...asking } = more;
      const { webhook, secretFile, judge, ask, category, threshold, timeoutMs, windowChars, askedFirst, ...options } =
        asking;
      const listed = [...(word ?? []), ...(words ? readLines(words) : [])];
      const body = dropAbsent({
        ...(file ? readJson(file) : {}),
        ...dropAbsent({ kind, action, on, patterns: pattern, types: type, models: model, keys: key }),
        ...dropAbsent({ words: listed.length > 0 ? listed : undefined, schema: schema && readJson(schema) }),
        ...dropAbsent({
          url: webhook,
          secret: secretFile && readText(secretFile).trim(),
          model: judge,
          ask,
          categories: category,
        }),
        ...dropAbsent({ threshold, timeout_ms: timeoutMs, window_chars: windowChars, asked_first: askedFirst }),
        ...dropAbsent({ on_error: onError, latency_budget_ms: latencyBudgetMs, enabled: disabled ? false : undefined }),
      });
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", pathOf({ platform }, name), body, { expectedVersion }), toGuardrailText);
    });
}

function readScore(text: string): number {
  const score = Number(text);
  if (text.trim() !== "" && score >= 0 && score <= 1) return score;
  throw new InvalidArgumentError("must be from 0 to 1");
}

function withPlatform(command: Command): Command {
  return withConnection(command).option("--platform", platformHelp);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    throw new CommandError(`${path} cannot be read: ${err instanceof Error ? err.message : err}`);
  }
}

function readLines(path: string): string[] {
  return readText(path)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function readJson(path: string): Row {
  try {
    return JSON.parse(readText(path));
  } catch (err) {
    if (err instanceof CommandError) throw err;
    throw new CommandError(`${path} is no JSON: ${err instanceof Error ? err.message : err}`);
  }
}

function toGuardrailTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const { kind, on, action, on_error, enabled } = it["rule"] as Row;
    return [it["name"], kind, on, action, on_error, enabled, it["version"]];
  });
  const table = toTable(["NAME", "KIND", "ON", "ACTION", "ON ERROR", "ENABLED", "VERSION"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toGuardrailText({ name, rule, has_secret, version, updated_at }: Row): string {
  const fields = Object.entries(rule as Row).map(([field, value]) => [
    field.replaceAll("_", " "),
    typeof value === "object" ? JSON.stringify(value) : value,
  ]);
  const signed = (rule as Row)["kind"] === "webhook" ? { signed: has_secret } : {};
  return toFields({ name, ...Object.fromEntries(fields), ...signed, version, changed: updated_at });
}

function toTestText({ blocked, text, findings }: Row): string {
  const rows = (findings as Row[]).map((it) => [it["name"], it["kind"], it["action"], it["count"], it["reason"] ?? ""]);
  const found =
    rows.length > 0 ? toTable(["GUARDRAIL", "KIND", "ACTION", "COUNT", "REASON"], rows) : "Nothing is found.";
  return `${found}\n\n${blocked ? "It is blocked." : `It goes on as:\n${text}`}`;
}
