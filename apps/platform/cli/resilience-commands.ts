import { Argument, type Command, Option } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

const levels = ["auto", "normal", "reduced", "essential", "static"];
const actions = ["force_open", "force_closed", "reset"];

/** `lyss resilience show|breaker|degrade`. */
export function addResilienceCommands(program: Command, deps: CliDeps): void {
  const resilience = program.command("resilience").description("what the platform does when things break");

  withConnection(
    resilience.command("show").description("policies, circuit breakers and levels of the node that answers"),
  ).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", "/admin/resilience"), toOverview);
  });

  withConnection(resilience.command("breaker").description("open or close a circuit breaker by hand, on every node"))
    .argument("<policy>", "as 'lyss resilience show' names it: provider.openai")
    .addArgument(new Argument("<action>", "'reset' gives it back to what it measures").choices(actions))
    .action(async (policy: string, action: string, options) => {
      const { api, output } = connect(deps, options);
      const path = `/admin/resilience/policies/${encodeURIComponent(policy)}/breaker`;
      const changed = await api.send("POST", path, { action });
      print(output, changed, ({ breaker }) => `The breaker of ${policy} is ${stateOf(breaker as Row)}.`);
    });

  withConnection(resilience.command("degrade").description("set how much is offered, on every node"))
    .addArgument(new Argument("<level>", "'auto' leaves it to what is measured").choices(levels))
    .addOption(new Option("--feature <name>", "only this feature, as 'lyss resilience show' names it"))
    .action(async (level: string, options) => {
      const { api, output } = connect(deps, options);
      const { feature } = options;
      const changed = await api.send("PUT", "/admin/degradation", { level, ...(feature !== undefined && { feature }) });
      print(output, changed, toLevels);
    });
}

function toOverview({ node, degradation, policies }: Row): string {
  const rows = (policies as Row[]).map(({ name, calls, breaker, bulkhead }) => {
    const places = bulkhead as Row | null;
    const shown = breaker as Row | null;
    return [name, calls, shown ? stateOf(shown) : "-", shown?.["refused"] ?? "-", places?.["in_flight"] ?? "-"];
  });
  const table = toTable(["POLICY", "CALLS", "BREAKER", "REFUSED", "IN FLIGHT"], rows);
  return `${toFields({ node })}\n${toLevels(degradation as Row)}\n\n${table}`;
}

function toLevels({ level, features }: Row): string {
  const shown = (features as Row[]).map((it) => [String(it["feature"]), it["level"]] as const);
  return toFields({ level, ...Object.fromEntries(shown) });
}

function stateOf({ state, forced }: Row): string {
  return forced ? `${state} (by hand)` : String(state);
}
