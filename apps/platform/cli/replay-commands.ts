import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { subscriptionPath, toOperationText, waitForEnd } from "./operation.ts";
import { print } from "./print.ts";

/** `lyss events replay start|show|pause|resume|cancel`. The last four also take a redrive. */
export function addReplayCommands(events: Command, deps: CliDeps): void {
  const replay = events.command("replay").description("send a range of the log through a handler again");

  withConnection(replay.command("start").description("start a replay of a subscription that allows it"))
    .argument("<subscription>", "service/subscription, as 'lyss events subscriptions' lists them")
    .option("--type <type...>", "only events of these types")
    .option("--key <key...>", "only events with these keys")
    .option("--after <sequence>", "only events after this number of the log")
    .option("--until <sequence>", "only events up to this number")
    .option("--from <time>", "only events since, such as 2027-01-31T00:00:00Z")
    .option("--before <time>", "only events before")
    .option("--speed <speed>", "max, original, or how many times faster, such as 10", "max")
    .option("--wait", "wait until it has ended")
    .addHelpText(
      "after",
      "\nExample:\n  lyss events replay start auth/watch-keys --from 2027-01-31T00:00:00Z --speed 10",
    )
    .action(async (reference: string, options) => {
      const { api, output } = connect(deps, options);
      const started = await api.send("POST", `${subscriptionPath(reference)}/replays`, {
        ...(options.type && { types: options.type }),
        ...(options.key && { keys: options.key }),
        ...(options.after !== undefined && { after_sequence: options.after }),
        ...(options.until !== undefined && { until_sequence: options.until }),
        ...(options.from !== undefined && { from: options.from }),
        ...(options.before !== undefined && { before: options.before }),
        speed: parseSpeed(options.speed),
      });
      print(output, options.wait ? await waitForEnd(deps, api, started) : started, toOperationText);
    });

  withConnection(replay.command("show").description("show how far it has come"))
    .argument("<id>", "id of the operation")
    .addHelpText("after", "\nExample:\n  lyss events replay show opn_01k…")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", operationPath(id)), toOperationText);
    });

  for (const [verb, description] of [
    ["pause", "hold it after the step under way"],
    ["resume", "let a paused or failed one go on where it was"],
  ] as const) {
    withConnection(replay.command(verb).description(description))
      .argument("<id>", "id of the operation")
      .addHelpText("after", `\nExample:\n  lyss events replay ${verb} opn_01k…`)
      .action(async (id: string, options) => {
        const { api, output } = connect(deps, options);
        print(output, await api.send("POST", `${operationPath(id)}:${verb}`), toOperationText);
      });
  }

  withConnection(replay.command("cancel").description("end it after the step under way"))
    .argument("<id>", "id of the operation")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss events replay cancel opn_01k… --yes")
    .action(async (id: string, options) => {
      requireYes(options, `${id} cannot go on once it is canceled.`);
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${operationPath(id)}:cancel`), toOperationText);
    });
}

function operationPath(id: string): string {
  return `/admin/events/operations/${encodeURIComponent(id)}`;
}

function parseSpeed(text: string): "max" | number {
  if (text === "max") return "max";
  if (text === "original") return 1;
  const times = Number(text);
  if (!(times > 0)) throw new CommandError(`--speed ${text}: write max, original or a number above 0.`);
  return times;
}
