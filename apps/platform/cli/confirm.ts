import { CommandError } from "./api-client.ts";

/** Throws a CommandError that says what would happen, unless that was agreed to. */
export function requireYes(options: { readonly yes?: boolean }, what: string): void {
  if (options.yes !== true) throw new CommandError(`${what} Repeat the command with --yes to do it.`);
}
