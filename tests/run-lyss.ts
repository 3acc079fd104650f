import { pause } from "@lyss/kit/service/clock.ts";
import { runCommand } from "../apps/platform/cli/run-command.ts";
import { localeOf } from "../apps/platform/locale.ts";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
  readonly complaint: string;
}

/**
 * Runs a command of `lyss` to its end with these variables alone, and nothing to read. It runs in the test's own process, for a
 * start takes a hundred times as long as what most commands do; that `bin/lyss` runs them is what first-run.test.ts looks at.
 */
export async function runLyss(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const said: string[] = [];
  const complaints: string[] = [];
  const code = await runCommand(args, {
    env,
    locale: localeOf(env),
    write: (text) => void said.push(text),
    complain: (text) => void complaints.push(text),
    readInput: async () => "",
    pause,
  });
  return { code, output: said.join(""), complaint: complaints.join("") };
}
