import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/auth/sessions";

/** `lyss session list|end`. */
export function addSessionCommands(program: Command, deps: CliDeps): void {
  const session = program.command("session").alias("sessions").description("where people are signed in");

  withConnection(session.command("list").description("list open sessions, newest first"))
    .option("--user <id>", "another person of the tenant; yourself unless given")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { user: user_id, limit, cursor } = options;
      print(output, await api.send("GET", `${path}${toQuery({ user_id, limit, cursor })}`), toSessionTable);
    });

  withConnection(session.command("end").description("end a session, or all of a person's, on every node"))
    .argument("[id]", "the session's id")
    .option("--all", "every session of the person")
    .option("--user <id>", "another person of the tenant; yourself unless given")
    .addHelpText("after", "\nExample:\n  lyss session end --all --user usr_01k…")
    .action(async (id: string | undefined, options) => {
      if ((id === undefined) === (options.all === undefined)) {
        throw new CommandError("Name one session, or give --all.");
      }
      const { api, output } = connect(deps, options);
      const which = id === undefined ? "" : `/${encodeURIComponent(id)}`;
      const answer = await api.send("DELETE", `${path}${which}${toQuery({ user_id: options.user })}`);
      print(output, answer, ({ ended }) => `Ended: ${ended}.`);
    });
}

function toSessionTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const { id, created_at: since, last_seen_at: seen, client_address: address, user_agent: agent, methods } = it;
    return [`${id}${it["current"] ? " *" : ""}`, since, seen, address, (methods as string[]).join("+"), agent];
  });
  const table = toTable(["SESSION", "SINCE", "LAST SEEN", "ADDRESS", "BY", "CLIENT"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
