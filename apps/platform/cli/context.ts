import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { Command } from "commander";
import { type ApiClient, createApiClient } from "./api-client.ts";
import type { Output } from "./print.ts";

/** What every command is given. */
export interface CliDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly locale: Locale;
  readonly write: (text: string) => void;
  /** Says what went wrong, apart from results. */
  readonly complain: (text: string) => void;
  readonly readInput: () => Promise<string>;
  /** Waits, for as many milliseconds. */
  readonly pause: (delayMs: number) => Promise<void>;
}

/** Adds the options of commands that speak to a running platform. */
export function withConnection(command: Command): Command {
  return command
    .option("--url <url>", "address of the platform (LYSS_URL; else from first-run.json)")
    .option("--data-dir <dir>", "data directory with first-run.json (LYSS_DATA_DIR)")
    .option("--json", "print JSON");
}

/** The platform and the output that a command's options name. */
export function connect(
  { env, locale, write }: CliDeps,
  options: { readonly url?: string; readonly dataDir?: string; readonly json?: boolean },
): { readonly api: ApiClient; readonly output: Output } {
  const dataDir = options.dataDir ?? env["LYSS_DATA_DIR"] ?? ".lyss";
  const api = createApiClient({ env, url: options.url, dataDir, locale });
  return { api, output: { write, isJson: options.json === true } };
}
