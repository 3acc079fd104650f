import type { Command } from "commander";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

/** `lyss workflows list|show|resume|cancel`: runs of sagas, for those who operate the platform. */
export function addWorkflowCommands(program: Command, deps: CliDeps): void {
  const workflows = program.command("workflows").description("runs of workflows, and those that wait for a person");

  withConnection(workflows.command("list").description("list runs, newest first, and how many are in each state"))
    .option("--state <state...>", "running, parked, done, compensated or failed")
    .option("--service <name>", "only runs of this service")
    .option("--saga <name>", "only runs of this saga")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss workflows list --state parked")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { state, service, saga, limit, cursor } = options;
      const page = await api.send("GET", `/admin/workflows${toQuery({ state, service, saga, limit, cursor })}`);
      const counts = await api.send("GET", `/admin/workflows/counts${toQuery({ service, saga })}`);
      print(output, { ...page, counts }, toRunTable);
    });

  withConnection(workflows.command("show").description("show a run with its steps"))
    .argument("<id>", "the run's id: service/saga/id")
    .addHelpText("after", "\nExample:\n  lyss workflows show user/register-person/ann@example.com")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/admin/workflows/run${toQuery({ id })}`), toRunText);
    });

  withConnection(workflows.command("resume").description("let a parked run try again"))
    .argument("<id>", "the run's id: service/saga/id")
    .addHelpText("after", "\nExample:\n  lyss workflows resume user/register-person/ann@example.com")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const resumed = await api.send("POST", "/admin/workflows/run:resume", { id });
      print(output, resumed, () => `${id} tries again.`);
    });

  withConnection(workflows.command("cancel").description("let a run turn back; past its pivot it goes on"))
    .argument("<id>", "the run's id: service/saga/id")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss workflows cancel user/register-person/ann@example.com --yes")
    .action(async (id: string, options) => {
      requireYes(options, `What ${id} has done will be undone.`);
      const { api, output } = connect(deps, options);
      const canceled = await api.send("POST", "/admin/workflows/run:cancel", { id });
      print(output, canceled, ({ state, ended_at: ended }) =>
        ended
          ? `${id} had ended before: ${state}.`
          : `${id} turns back before its next step, unless it has passed its pivot.`,
      );
    });
}

function toRunTable({ data, counts, next_cursor: next }: Row): string {
  const table = toTable(
    ["ID", "STATE", "STARTED", "UPDATED", "FAILED STEP", "FAILURE"],
    (data as Row[]).map((it) => {
      const failure = it["failure"] as Row | null;
      return [it["id"], it["state"], it["created_at"], it["updated_at"], failure?.["step"], failure?.["text"]];
    }),
  );
  const sums = Object.entries(counts as Row).map(([state, count]) => `${count} ${state}`);
  return `${table}\n\n${sums.join(", ")}${next ? `\nMore: --cursor ${next}` : ""}`;
}

function toRunText(run: Row): string {
  const failure = run["failure"] as Row | null;
  const fields = {
    ...{ id: run["id"], state: run["state"], started: run["created_at"], updated: run["updated_at"] },
    ended: run["ended_at"],
    ...(failure && { failure: `${failure["step"]}: ${failure["text"]} [${failure["code"]}]` }),
  };
  const steps = (run["steps"] as Row[]).map((step) => {
    const failed = step["failure"] as Row | null;
    return [step["name"], step["tries"], step["started_at"], step["completed_at"], failed?.["text"]];
  });
  return `${toFields(fields)}\n\n${toTable(["STEP", "TRIES", "STARTED", "COMPLETED", "FAILURE"], steps)}`;
}
