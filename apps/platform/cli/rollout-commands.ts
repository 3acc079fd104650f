import { type Command, InvalidArgumentError } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { dropAbsent } from "./drop-absent.ts";
import { print, toFields, toTable } from "./print.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const pathOf = (name: string) => `/api/v1/ai/route-rollouts/${encodeURIComponent(name)}`;

function readShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 10) return value;
  throw new InvalidArgumentError("It must be a number from 0 to 10; 0.05 is a twentieth.");
}

/** How commands take what a route says. */
export interface RouteOptions {
  withTargets(command: Command): Command;
  readSpec(options: Row): Row;
}

/** `lyss route rollout start|show|promote|stop`. */
export function addRolloutCommands(route: Command, deps: CliDeps, { withTargets, readSpec }: RouteOptions): void {
  const rollout = route
    .command("rollout")
    .description("try a change of a route with a share of its callers, before all have it");

  withTargets(
    rollout.command("start").description("give a share of the callers another version of a route of your own"),
  )
    .requiredOption("--percent <n>", "of a hundred keys or people, 1 to 99; always the same ones", readCount)
    .option("--min-calls <n>", "judge the new version after so many calls; 50 unless given", readCount)
    .option("--max-error-increase <share>", "how much more of its calls may fail; 0.01 unless given", readShare)
    .option("--max-latency-increase <share>", "how much longer its calls may take; 0.2 unless given", readShare)
    .action(async (name: string, { percent, minCalls, maxErrorIncrease, maxLatencyIncrease, ...options }) => {
      const { api, output } = connect(deps, options);
      const gates = dropAbsent({
        min_calls: minCalls,
        max_error_increase: maxErrorIncrease,
        max_latency_increase: maxLatencyIncrease,
      });
      print(output, await api.send("PUT", pathOf(name), { ...readSpec(options), percent, gates }), toRolloutText);
    });

  withConnection(rollout.command("show").description("show how both versions do, or how the last change ended"))
    .argument("<name>", "what callers write into 'model'")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(name)), toRolloutText);
    });

  withConnection(rollout.command("promote").description("give the new version to more callers, or to all"))
    .argument("<name>", "what callers write into 'model'")
    .option("--percent <n>", "to so many of a hundred; to all unless given, and then it is the route", readCount)
    .action(async (name: string, { percent, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${pathOf(name)}:promote`, dropAbsent({ percent })), toRolloutText);
    });

  withConnection(rollout.command("stop").description("give all callers the route as it was"))
    .argument("<name>", "what callers write into 'model'")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(name)), toRolloutText);
    });
}

function toRolloutText(rollout: Row): string {
  const { name, state, reason, percent, started_at: started, staged_at: staged, ended_at: ended } = rollout;
  const about = {
    name,
    state,
    ...(reason !== null && { reason }),
    percent,
    started,
    staged,
    ...(ended !== null && { ended }),
  };
  const rows = ["current", "candidate"].map((which) => {
    const { calls, error_rate: errors, mean_ms: mean } = rollout[which] as Row;
    return [which, calls, `${(100 * Number(errors)).toFixed(1)} %`, Number(mean).toFixed(0)];
  });
  return `${toFields(about)}\n\n${toTable(["VERSION", "CALLS", "FAILED", "MEAN MS"], rows)}`;
}
