import type { Command } from "commander";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { subscriptionPath, toOperationTable, toOperationText, waitForEnd } from "./operation.ts";
import { print, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

/** `lyss events parked|redrive|skip|forget|operations`. */
export function addParkedCommands(events: Command, deps: CliDeps): void {
  withScope(
    withConnection(events.command("parked").description("list the events that a subscription gave up, oldest first")),
  )
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss events parked auth/watch-keys --type key.revoked")
    .action(async (reference: string, options) => {
      const { api, output } = connect(deps, options);
      const { limit, cursor, id, type, key } = options;
      const path = `${subscriptionPath(reference)}/parked${toQuery({ limit, cursor, id, type, key })}`;
      print(output, await api.send("GET", path), toParkedTable);
    });

  withScope(
    withConnection(
      events.command("redrive").description("send parked events through their handler again, oldest first"),
    ),
  )
    .option("--wait", "wait until it has ended")
    .addHelpText("after", "\nExample:\n  lyss events redrive auth/watch-keys --key key_01k… --wait")
    .action(async (reference: string, options) => {
      const { api, output } = connect(deps, options);
      const asked = await api.send("POST", `${subscriptionPath(reference)}/parked:redrive`, toScope(options));
      print(output, options.wait ? await waitForEnd(deps, api, asked) : asked, toOperationText);
    });

  withScope(withConnection(events.command("skip").description("give parked events up for good; they stay in the log")))
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss events skip auth/watch-keys --id evt_01k… --yes")
    .action(async (reference: string, options) => {
      const path = subscriptionPath(reference);
      const isAll = Object.keys(toScope(options)).length === 0;
      requireYes(
        options,
        `${isAll ? "All parked events" : "The parked events"} of ${reference} will never be handled.`,
      );
      const { api, output } = connect(deps, options);
      const skipped = await api.send("POST", `${path}/parked:skip`, toScope(options));
      print(output, skipped, ({ handled }) => `${handled} parked events of ${reference} are skipped.`);
    });

  withConnection(events.command("forget").description("forget a subscription that no program has any more"))
    .argument("<subscription>", "service/subscription")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss events forget auth/old-name --yes")
    .action(async (reference: string, options) => {
      const path = subscriptionPath(reference);
      requireYes(options, `${reference} loses its position and its parked events.`);
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", path), () => `${reference} is forgotten.`);
    });

  withConnection(events.command("operations").description("list redrives, skips, replays and forgets, newest first"))
    .option("--service <name>", "only those of this service")
    .option("--subscription <name>", "only those of the subscription with this name")
    .option("--state <state>", "pending, running, paused, done, failed or canceled")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss events operations --state failed")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { service, subscription, state, limit, cursor } = options;
      const query = toQuery({ service, subscription, state, limit, cursor });
      print(output, await api.send("GET", `/admin/events/operations${query}`), toOperationTable);
    });
}

function withScope(command: Command): Command {
  return command
    .argument("<subscription>", "service/subscription, as 'lyss events subscriptions' lists them")
    .option("--id <id...>", "only events with these ids")
    .option("--type <type...>", "only events of these types")
    .option("--key <key...>", "only events with these keys");
}

function toScope(options: { readonly id?: string[]; readonly type?: string[]; readonly key?: string[] }) {
  return {
    ...(options.id && { event_ids: options.id }),
    ...(options.type && { types: options.type }),
    ...(options.key && { keys: options.key }),
  };
}

function toParkedTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const event = it["event"] as Row;
    return [event["id"], event["type"], event["partitionkey"], it["attempts"], it["parked_at"], it["last_error"]];
  });
  const table = toTable(["ID", "TYPE", "KEY", "TRIES", "PARKED", "LAST ERROR"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
