import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { readCount } from "./read-count.ts";
import { type HeaderOptions, readHeaders } from "./server-headers.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/agents";
const pathOf = (name: string) => `${path}/${encodeURIComponent(name)}`;

interface AgentOptions extends HeaderOptions {
  readonly price?: string;
  readonly timeoutMs?: number;
}

/** `lyss agents add|list|show|update|test|remove`. */
export function addAgentCommands(program: Command, deps: CliDeps): void {
  const agents = program.command("agents").description("agents, each reached at /v1/a2a/<name> (Agent2Agent protocol)");

  withAgentOptions(
    withConnection(agents.command("add").description("add an agent, or replace the one of that name")),
    true,
  )
    .argument("<name>", "a-z, 0-9 and '-'; keys are limited to it as a2a:<name>")
    .argument("<url>", "the address below which its card is; private addresses belong into lyss.yaml")
    .addHelpText(
      "after",
      "\nExample:\n  lyss agents add docs https://agents.example.com/docs --bearer-env DOCS_TOKEN --price 0.01",
    )
    .action(async (name: string, url: string, options) => {
      const { api, output } = connect(deps, options);
      const headers = await readHeaders(deps, options);
      const added = await api.send("POST", path, { name, url, headers, ...toChanges(options) });
      print(output, added, ({ a2a_url: at }) => `${name} is added, at ${at}. Try it with 'lyss agents test ${name}'.`);
    });

  withConnection(agents.command("list").description("list the agents you may use")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", path), ({ data }) =>
      toTable(
        ["NAME", "SOURCE", "URL", "USD PER CALL"],
        (data as Row[]).map((it) => [it["name"], it["source"], it["url"], it["usd_per_call"]]),
      ),
    );
  });

  withConnection(agents.command("show").description("show an agent"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(name)), ({ object: _, ...agent }) => toFields(agent));
    });

  withAgentOptions(withConnection(agents.command("update").description("change an agent of your own")), false)
    .argument("<name>")
    .option("--agent-url <url>", "the address below which its card is")
    .option("--no-headers", "send nothing secret any more")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const headers = await readHeaders(deps, options);
      const changes = {
        ...{ ...toChanges(options), ...(options.agentUrl !== undefined && { url: options.agentUrl }) },
        ...((Object.keys(headers).length > 0 || options.headers === false) && { headers }),
      };
      if (Object.keys(changes).length === 0) throw new CommandError("Say what is to change; see --help.");
      print(output, await api.send("PATCH", pathOf(name), changes), () => `${name} is changed.`);
    });

  withConnection(agents.command("test").description("ask an agent what it says of itself; costs nothing"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}/card`), ({ object: _, ...card }) => {
        const skills = (card["skills"] as Row[]).map((skill) => skill["name"]).join(", ");
        const versions = (card["protocol_versions"] as string[]).join(", ");
        return toFields({ ...card, protocol_versions: versions, skills });
      });
    });

  withConnection(agents.command("remove").description("remove an agent of your own"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const removed = await api.send("DELETE", pathOf(name));
      print(output, removed, () => `${name} is removed, and what was sealed for it destroyed.`);
    });
}

/** With what counts where nothing is given: of one that changes an agent, what it has. */
function withAgentOptions(command: Command, isNew: boolean) {
  const unless = (usual: string) => (isNew ? `; ${usual} unless given` : "");
  return command
    .option("--bearer-env <name>", "environment variable that holds its token")
    .option("--bearer-stdin", "read its token from standard input")
    .option("--header <name=VARIABLE...>", "another header, and the environment variable that holds its value")
    .option("--price <usd>", `what a message costs, in USD${unless("0")}`)
    .option("--timeout-ms <ms>", `limit of a call, its stream included${unless("600000")}`, readCount);
}

function toChanges({ price, timeoutMs }: AgentOptions): Row {
  return {
    ...(price !== undefined && { usd_per_call: price }),
    ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
  };
}
