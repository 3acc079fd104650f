import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const pathOf = (name: string) => `/api/v1/ai/prompts/${encodeURIComponent(name)}`;
const labelPathOf = (name: string, label: string) => `${pathOf(name)}/labels/${encodeURIComponent(label)}`;
const versionHelp = "a number or a label; unless given 'production', or else the latest";

/** `lyss prompt list|get|put|versions|label|unlabel|render|delete`. */
export function addPromptCommands(program: Command, deps: CliDeps): void {
  const prompt = program.command("prompt").alias("prompts").description("texts that calls begin with, in versions");
  addReadingCommands(prompt, deps);
  addChangingCommands(prompt, deps);
}

function addReadingCommands(prompt: Command, deps: CliDeps): void {
  withPages(prompt.command("list").description("list the prompts, by name")).action(
    async ({ limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/api/v1/ai/prompts${toQuery({ limit, cursor })}`), toPromptTable);
    },
  );

  withConnection(prompt.command("get").description("show a prompt, and what a version of it says"))
    .argument("<name>")
    .option("--prompt-version <version>", versionHelp)
    .action(async (name: string, { promptVersion: version, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}${toQuery({ version })}`), toPromptText);
    });

  withPages(prompt.command("versions").description("list what a prompt has said, the newest first"))
    .argument("<name>")
    .action(async (name: string, { limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}/versions${toQuery({ limit, cursor })}`), toVersionTable);
    });

  withConnection(prompt.command("render").description("show what a call would be given"))
    .argument("<name>")
    .option("--prompt-version <version>", versionHelp)
    .option("--var <name=value...>", "a value for each variable", readVariable)
    .action(async (name: string, { promptVersion: version, var: variables = {}, ...options }) => {
      const { api, output } = connect(deps, options);
      const rendered = await api.send("POST", `${pathOf(name)}:render`, { version, variables });
      print(output, rendered, ({ messages }) => toMessageText(messages as Row[]));
    });
}

function addChangingCommands(prompt: Command, deps: CliDeps): void {
  withConnection(prompt.command("put").description("make a prompt, or its next version"))
    .argument("<name>", "lower-case letters, digits, dots, dashes and underscores")
    .option("--system <text>", "what the model is told; {{name}} stands for a variable")
    .option("--user <text>", "what the person begins with")
    .option("--file <path>", "all of it as JSON: messages, model, parameters, description")
    .option("--model <name>", "for calls that name none")
    .option("--description <text>", "what is new")
    .option("--if-version <n>", "only if the latest version is this", readCount)
    .action(
      async (name: string, { system, user, file, model, description, ifVersion: expectedVersion, ...options }) => {
        const { api, output } = connect(deps, options);
        const body = {
          ...readSpec(file),
          ...toMessages(system, user),
          ...(model && { model }),
          ...(description && { description }),
        };
        print(output, await api.send("PUT", pathOf(name), body, { expectedVersion }), toPromptText);
      },
    );

  withConnection(prompt.command("label").description("make a label mean a version, from the next call on"))
    .argument("<name>")
    .argument("<label>", "'production' is what calls mean that name no version")
    .argument("<version>", "its number", readCount)
    .action(async (name: string, label: string, version: number, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", labelPathOf(name, label), { version }), toLabelText);
    });

  withConnection(prompt.command("unlabel").description("take a label away"))
    .argument("<name>")
    .argument("<label>")
    .action(async (name: string, label: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", labelPathOf(name, label)), toLabelText);
    });

  withConnection(prompt.command("delete").description("remove a prompt with all of its versions"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(name)), (it) => `${it["name"]} is removed.`);
    });
}

function withPages(command: Command): Command {
  return withConnection(command)
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended");
}

function readVariable(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write it as name=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function readSpec(file: string | undefined): Row {
  if (file === undefined) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (err) {
    throw new CommandError(`--file ${file} cannot be read as JSON: ${err instanceof Error ? err.message : err}`);
  }
}

function toMessages(system: string | undefined, user: string | undefined): Row {
  const messages = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    ...(user === undefined ? [] : [{ role: "user", content: user }]),
  ];
  return messages.length > 0 ? { messages } : {};
}

function toLabels({ labels }: Row): string {
  return Object.entries(labels as Row)
    .map(([label, version]) => `${label}=${version}`)
    .join(" ");
}

function withMore(table: string, { next_cursor }: Row): string {
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toPromptTable(page: Row): string {
  const rows = (page["data"] as Row[]).map((it) => [it["name"], it["latest_version"], toLabels(it), it["updated_at"]]);
  return withMore(toTable(["NAME", "LATEST", "LABELS", "CHANGED"], rows), page);
}

function toVersionTable(page: Row): string {
  const rows = (page["data"] as Row[]).map((it) => [
    it["version"],
    it["created_by"],
    it["created_at"],
    it["description"],
  ]);
  return withMore(toTable(["VERSION", "BY", "MADE", "DESCRIPTION"], rows), page);
}

function toPromptText({ content, ...it }: Row): string {
  const { version, model, parameters, variables, messages, description } = content as Row;
  const fields = toFields({
    ...{ name: it["name"], version, "latest version": it["latest_version"], labels: toLabels(it) },
    ...{ model, parameters: JSON.stringify(parameters), variables: (variables as string[]).join(" "), description },
  });
  return `${fields}\n\n${toMessageText(messages as Row[])}`;
}

function toMessageText(messages: readonly Row[]): string {
  return messages.map(({ role, content }) => `${role}:\n${toText(content)}`).join("\n\n");
}

function toLabelText(it: Row): string {
  return toFields({ name: it["name"], "latest version": it["latest_version"], labels: toLabels(it) });
}

/** A message's text; of its images their addresses, unless they are the images themselves. */
function toText(content: unknown): string {
  if (!Array.isArray(content)) return String(content);
  const parts = content as readonly { readonly text?: string; readonly image_url?: { readonly url: string } }[];
  return parts
    .map(
      ({ text, image_url: { url } = { url: "" } }) =>
        text ?? `[image ${url.startsWith("data:") ? "" : url}`.trimEnd().concat("]"),
    )
    .join("\n");
}
