import { type Command, InvalidArgumentError } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/call-defaults";
const pathOf = (key: string) => `${path}/${encodeURIComponent(key)}`;

/** `lyss call-defaults list|get|put|delete`. */
export function addCallDefaultsCommands(program: Command, deps: CliDeps): void {
  const defaults = program
    .command("call-defaults")
    .description("what calls mean and say where they do not say it themselves, by key");

  withConnection(defaults.command("list").description("list what is said, for all calls first"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${path}${toQuery({ limit, cursor })}`), toDefaultsTable);
    });

  withConnection(defaults.command("get").description("show what is said for a key"))
    .argument("<key>", "the id of a key; 'all' for all calls")
    .action(async (key: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(key)), toText);
    });

  withConnection(defaults.command("put").description("say it for a key, in place of what was said"))
    .argument("<key>", "the id of a key; 'all' for all calls")
    .option("--alias <name=model...>", "a name that calls may write, and the model that it means", readAlias)
    .option("--temperature <n>", "0 to 2", readNumber)
    .option("--top-p <n>", "0 to 1", readNumber)
    .option("--max-tokens <n>", "the most tokens of an answer", readCount)
    .option("--if-version <n>", "only if it is at this version", readCount)
    .action(async (key: string, { alias, temperature, topP, maxTokens, ifVersion: expectedVersion, ...options }) => {
      const { api, output } = connect(deps, options);
      const body = { aliases: alias ?? {}, parameters: { temperature, top_p: topP, max_tokens: maxTokens } };
      print(output, await api.send("PUT", pathOf(key), body, { expectedVersion }), toText);
    });

  withConnection(defaults.command("delete").description("say nothing for a key any more"))
    .argument("<key>", "the id of a key; 'all' for all calls")
    .action(async (key: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(key)), () => `Nothing is said by default for ${key}.`);
    });
}

function readAlias(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, model] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || model === undefined) throw new InvalidArgumentError("It must be a name=model.");
  return { ...before, [name]: model };
}

function readNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

const pairsOf = (value: unknown) =>
  Object.entries(value as Row)
    .map(([name, it]) => `${name}=${it}`)
    .join(" ") || "none";

function toDefaultsTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["key"], pairsOf(it["aliases"]), pairsOf(it["parameters"]), it["version"]],
  ]);
  const table = toTable(["KEY", "ALIASES", "PARAMETERS", "VERSION"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toText(it: Row): string {
  return toFields({
    ...{ key: it["key"], aliases: pairsOf(it["aliases"]), parameters: pairsOf(it["parameters"]) },
    version: it["version"],
  });
}
