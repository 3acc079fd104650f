import assert from "node:assert/strict";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { Command } from "commander";
import type { CliDeps } from "./context.ts";
import { runCommand } from "./run-command.ts";

/** Against the server at `url`; what is said goes to `printed` and `complaints`. */
function toDeps(url: string, locale: Locale, printed: string[], complaints: string[]): CliDeps {
  return {
    env: { LYSS_URL: url, LYSS_API_KEY: "key" },
    locale,
    write: (text) => void printed.push(text),
    complain: (text) => void complaints.push(text),
    readInput: () => Promise.resolve(""),
    pause: () => Promise.resolve(),
  };
}

/** Runs commands of one group, added by `add`, and gives what they print; rejects with what they throw. */
export function createTestGroup(
  add: (program: Command, context: CliDeps) => void,
  { name, url, locale }: { readonly name: string; readonly url: string; readonly locale: Locale },
): (...words: readonly string[]) => Promise<string> {
  return async (...words) => {
    const printed: string[] = [];
    const program = new Command().exitOverride();
    add(program, toDeps(url, locale, printed, []));
    await program.parseAsync([name, ...words], { from: "user" });
    return printed.join("");
  };
}

/** Runs commands of `lyss` in this process, against the server at `url`. */
export function createTestCommands(url: string) {
  /** As `lyss` does. */
  async function lyss(...words: readonly string[]) {
    const [printed, complaints]: [string[], string[]] = [[], []];
    const code = await runCommand(words, toDeps(url, "en_US", printed, complaints));
    return { code, output: printed.join(""), complaint: complaints.join("") };
  }

  /** What a command prints for a person. */
  async function shown(...words: readonly string[]): Promise<string> {
    const { code, output, complaint } = await lyss(...words);
    assert.deepEqual([code, complaint], [0, ""], words.join(" "));
    return output;
  }

  /** What it prints for a program. */
  async function json(...words: readonly string[]) {
    return JSON.parse(await shown(...words, "--json"));
  }

  return { lyss, shown, json };
}
