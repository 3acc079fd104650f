import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { addEventLogCommands } from "./event-log-commands.ts";
import { addParkedCommands } from "./parked-commands.ts";
import { print, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { addReplayCommands } from "./replay-commands.ts";

type Row = Record<string, unknown>;

/** `lyss events …`: the event log for those who operate the platform. Gives back the command, for more of them. */
export function addEventCommands(program: Command, deps: CliDeps): Command {
  const events = program.command("events").description("the event log: what was said, and who has heard it");
  addEventLogCommands(events, deps);

  withConnection(events.command("subscriptions").description("list durable subscriptions of all services"))
    .option("--service <name>", "only those of this service")
    .addHelpText("after", "\nExample:\n  lyss events subscriptions --service auth")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const found = await api.send("GET", `/admin/events/subscriptions${toQuery({ service: options.service })}`);
      print(output, found, ({ data }) =>
        toTable(
          ["SUBSCRIPTION", "HEARS", "POSITION", "BEHIND", "PARKED", "LIVE", "REPLAY", "LAST ERROR"],
          (data as Row[]).map((it) => [
            ...[nameOf(it), (it["types"] as string[]).join(" "), it["position"], it["behind"], it["parked"]],
            ...[it["live"] ? "yes" : "no", it["replayable"] ? "yes" : "no", it["last_error"]],
          ]),
        ),
      );
    });

  withConnection(events.command("lag").description("show how far subscriptions are behind, the furthest first"))
    .option("--service <name>", "only those of this service")
    .addHelpText("after", "\nExample:\n  lyss events lag")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const found = await api.send("GET", `/admin/events/subscriptions${toQuery({ service: options.service })}`);
      const rows = (found["data"] as Row[]).map((it) => ({
        ...{ subscription: nameOf(it), behind: it["behind"], oldest_age_ms: it["oldest_age_ms"] },
        ...{ parked: it["parked"], live: it["live"] },
      }));
      rows.sort((a, b) => Number(b.behind) - Number(a.behind) || Number(b.parked) - Number(a.parked));
      print(output, rows, () =>
        toTable(
          ["SUBSCRIPTION", "BEHIND", "OLDEST", "PARKED", "LIVE"],
          rows.map((it) => [
            ...[it.subscription, it.behind, `${(Number(it.oldest_age_ms) / 1_000).toFixed(1)} s`, it.parked],
            it.live ? "yes" : "no",
          ]),
        ),
      );
    });

  addParkedCommands(events, deps);
  addReplayCommands(events, deps);
  return events;
}

function nameOf({ service, name }: Row): string {
  return `${service}/${name}`;
}
