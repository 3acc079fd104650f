import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss model list|show`; `lyss models` is the same. */
export function addModelCommands(program: Command, deps: CliDeps): void {
  const model = program.command("model").alias("models").description("what callers may write into 'model'");

  withConnection(model.command("list").description("list the models, routes and aliases that your key may use")).action(
    async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", "/v1/models"), ({ data }) =>
        toTable(["NAME", "FIRST AT", "SINCE"], (data as Row[]).map(toCells)),
      );
    },
  );

  withConnection(model.command("show").description("show one of them"))
    .argument("<name>", "as 'list' has it")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/v1/models/${encodeURIComponent(name)}`), (it) => {
        const [id, provider, since] = toCells(it);
        return toFields({ name: id, first_at: provider, since });
      });
    });
}

function toCells({ id, owned_by, created }: Row): readonly unknown[] {
  return [id, owned_by, new Date(Number(created) * 1_000).toISOString().slice(0, 10)];
}
