import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";

/** How what is sent with each request to a server of tools or an agent is given. */
export interface HeaderOptions {
  readonly header?: readonly string[];
  readonly bearerEnv?: string;
  readonly bearerStdin?: boolean;
}

/** Secrets are no arguments: those of a command can be seen by everybody on the machine. */
export async function readHeaders(
  { env, readInput }: CliDeps,
  options: HeaderOptions,
): Promise<Record<string, string>> {
  const read = (variable: string) => readVariable(env, variable);
  const { bearerEnv, bearerStdin, header = [] } = options;
  const headers = Object.fromEntries(
    Object.entries(toPairs("--header", header)).map(([name, variable]) => [name, read(variable)]),
  );
  const token = bearerStdin ? (await readInput()).trim() : bearerEnv === undefined ? "" : read(bearerEnv);
  return token === "" ? headers : { ...headers, authorization: `Bearer ${token}` };
}

export function readVariable(env: CliDeps["env"], variable: string): string {
  const value = env[variable];
  if (!value) throw new CommandError(`The environment variable ${variable} is not set.`);
  return value;
}

/** What is written as `name=value`. */
export function toPairs(option: string, entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const at = entry.indexOf("=");
    if (at < 1) throw new CommandError(`${option} ${entry}: write it as name=value.`);
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
