import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const tailPollMs = 1_000;
const tailPage = "200";

/** `lyss events list|show|types|tail`. */
export function addEventLogCommands(events: Command, deps: CliDeps): void {
  withFilter(withConnection(events.command("list").description("list events, newest first")))
    .option("--stream <name>", "only events of this stream")
    .option("--trace <id>", "only events of the trace with this id")
    .option("--from <time>", "only events since, such as 2027-01-31T00:00:00Z")
    .option("--before <time>", "only events before")
    .option("--oldest-first", "oldest first")
    .option("--after <sequence>", "with --oldest-first: only events after this number of the log")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss events list --type key.revoked --from 2027-01-31T00:00:00Z")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({
        ...{ type: options.type, source: options.source, key: options.key, stream: options.stream },
        ...{ trace_id: options.trace, from: options.from, before: options.before, after: options.after },
        ...{ order: options.oldestFirst ? "oldest" : "newest", limit: options.limit, cursor: options.cursor },
      });
      print(output, await api.send("GET", `/admin/events${query}`), toEventTable);
    });

  withConnection(events.command("show").description("show an event, and who has handled it or given it up"))
    .argument("<id>", "the event's id")
    .addHelpText("after", "\nExample:\n  lyss events show evt_01k…")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/admin/events/${encodeURIComponent(id)}`), ({ event, receivers }) => {
        const { data, ...attributes } = event as Row;
        const heard = (receivers as Row[]).map((it) => [
          ...[`${it["service"]}/${it["subscription"]}`, it["state"], it["attempts"] || "", it["last_error"]],
        ]);
        const table = toTable(["SUBSCRIPTION", "STATE", "TRIES", "LAST ERROR"], heard);
        return `${toFields(attributes)}\n\n${JSON.stringify(data, null, 2)}\n\n${table}`;
      });
    });

  withConnection(events.command("types").description("list the types that the log holds"))
    .addHelpText("after", "\nExample:\n  lyss events types --json")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", "/admin/events/types"), ({ data }) =>
        toTable(
          ["TYPE", "FIRST", "LAST", "LAST SEQUENCE", "TENANTS SEE THEIRS"],
          (data as Row[]).map((it) => [
            ...[it["type"], it["first_at"], it["last_at"], it["last_sequence"], it["tenant_visible"] ? "yes" : "no"],
          ]),
        ),
      );
    });

  withFilter(withConnection(events.command("tail").description("print events as they come, until Ctrl-C")))
    .option("--after <sequence>", "begin after this number of the log; at its end unless given")
    .option("--count <count>", "end after so many events")
    .addHelpText("after", "\nExample:\n  lyss events tail --type billing.balance.low")
    .action((options) => tail(deps, options));
}

function withFilter(command: Command): Command {
  return command
    .option("--type <type...>", "only events of these types")
    .option("--source <service>", "only events that this service said")
    .option("--key <key>", "only events with this key");
}

/** A page oldest first has no gaps, so what is printed is all that came. */
async function tail(
  deps: CliDeps,
  options: Parameters<typeof connect>[1] & {
    readonly type?: readonly string[];
    readonly source?: string;
    readonly key?: string;
    readonly after?: string;
    readonly count?: string;
  },
): Promise<void> {
  const { api, output } = connect(deps, options);
  const filter = { type: options.type, source: options.source, key: options.key };
  let left = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  if (!(left >= 1)) throw new CommandError(`--count ${options.count}: give a whole number from 1 on.`);
  const read = async (query: Parameters<typeof toQuery>[0]) =>
    (await api.send("GET", `/admin/events${toQuery(query)}`))["data"] as Row[];
  const [newest] = options.after === undefined ? await read({ limit: "1" }) : [];
  let after = options.after ?? String(newest?.["sequence"] ?? "0");
  while (left > 0) {
    const rows = await read({ ...filter, order: "oldest", limit: tailPage, after });
    for (const row of rows.slice(0, left)) output.write(`${output.isJson ? JSON.stringify(row) : toLine(row)}\n`);
    left -= rows.length;
    after = String(rows.at(-1)?.["sequence"] ?? after);
    if (left > 0 && rows.length < Number(tailPage)) await deps.pause(tailPollMs);
  }
}

function toLine({ time, type, source, partitionkey, id, data }: Row): string {
  return `${time}  ${type}  ${source}  ${partitionkey}  ${id}  ${JSON.stringify(data)}`;
}

function toEventTable({ data, next_cursor: next }: Row): string {
  const table = toTable(
    ["SEQUENCE", "TIME", "TYPE", "SOURCE", "KEY", "ID"],
    (data as Row[]).map((it) => [
      ...[it["sequence"], it["time"], it["type"], it["source"], it["partitionkey"], it["id"]],
    ]),
  );
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
