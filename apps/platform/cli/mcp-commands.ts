import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { readCount } from "./read-count.ts";
import { type HeaderOptions, readHeaders, readVariable, toPairs } from "./server-headers.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/mcp-servers";
const pathOf = (name: string) => `${path}/${encodeURIComponent(name)}`;

interface AddOptions extends HeaderOptions {
  readonly clientId?: string;
  readonly clientSecretEnv?: string;
  readonly tokenUrl?: string;
  readonly scope?: string;
  readonly resource?: string;
}

/** `lyss mcp add|list|show|tools|prompts|resources|remove`. */
export function addMcpCommands(program: Command, deps: CliDeps): void {
  const mcp = program.command("mcp").description("servers of tools, called at /v1/mcp (Model Context Protocol)");
  addAddCommand(mcp, deps);

  withConnection(mcp.command("list").description("list the tool servers you may use")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", path), ({ data }) =>
      toTable(
        ["NAME", "SOURCE", "URL", "USD PER CALL", "TOOLS"],
        (data as Row[]).map((it) => {
          const allowed = it["allowed_tools"] as string[];
          return [it["name"], it["source"], it["url"], it["usd_per_call"], allowed.join(", ") || "all"];
        }),
      ),
    );
  });

  withConnection(mcp.command("show").description("show a tool server"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(name)), ({ object: _, ...server }) => {
        const { allowed_tools: allowed, usd_per_call_by_tool: byTool } = server;
        const prices = Object.entries(byTool as Row).map(([tool, usd]) => `${tool}=${usd}`);
        const tools = (allowed as string[]).join(", ") || "all";
        const { token_url: tokenUrl, scope } = (server["oauth"] ?? {}) as Row;
        const oauth = tokenUrl === undefined ? "" : `${tokenUrl} ${scope}`.trim();
        return toFields({ ...server, oauth, allowed_tools: tools, usd_per_call_by_tool: prices.join(", ") });
      });
    });

  withConnection(mcp.command("tools").description("ask a tool server for its tools; costs nothing"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}/tools`), ({ data, left_out: leftOut }) => {
        const rows = (data as Row[]).map((it) => [it["name"], it["usd_per_call"], firstLine(it["description"])]);
        return withLeftOut(toTable(["TOOL", "USD PER CALL", "DESCRIPTION"], rows), leftOut);
      });
    });

  withConnection(mcp.command("prompts").description("ask a tool server for its prompts; costs nothing"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}/prompts`), ({ data, left_out: leftOut }) => {
        const argumentsOf = (it: Row) =>
          (it["arguments"] as Row[]).map((one) => (one["required"] ? one["name"] : `[${one["name"]}]`)).join(" ");
        const rows = (data as Row[]).map((it) => [it["name"], argumentsOf(it), firstLine(it["description"])]);
        return withLeftOut(toTable(["PROMPT", "ARGUMENTS", "DESCRIPTION"], rows), leftOut);
      });
    });

  withConnection(mcp.command("resources").description("ask a tool server for its resources; costs nothing"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(name)}/resources`), ({ data, left_out: leftOut }) => {
        const rows = (data as Row[]).map((it) => [it["uri"] ?? it["uri_template"], it["name"], it["mime_type"]]);
        return withLeftOut(toTable(["RESOURCE", "NAME", "TYPE"], rows), leftOut);
      });
    });

  withConnection(mcp.command("remove").description("remove a tool server of your own"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const removed = await api.send("DELETE", pathOf(name));
      print(output, removed, () => `${name} is removed, and what was sealed for it destroyed.`);
    });
}

function addAddCommand(mcp: Command, deps: CliDeps): void {
  withConnection(mcp.command("add").description("add a tool server, or replace the one of that name"))
    .argument("<name>", "a-z, 0-9 and '-'; tools are called <name>__<tool>")
    .argument("<url>", "its endpoint, such as https://tools.example.com/mcp; private addresses belong into lyss.yaml")
    .option("--bearer-env <name>", "environment variable that holds its token")
    .option("--bearer-stdin", "read its token from standard input")
    .option("--header <name=VARIABLE...>", "another header, and the environment variable that holds its value")
    .option("--client-id <id>", "get tokens for it by client credentials (OAuth 2.0), as this client")
    .option("--client-secret-env <name>", "environment variable that holds the client's secret")
    .option("--token-url <url>", "where tokens are got; what the server says unless given")
    .option("--scope <scopes>", "scopes to ask for, by spaces")
    .option("--resource <uri>", "what tokens are for; the server's address unless given")
    .option("--tool <name...>", "only these tools, prompts and URIs of resources, or beginnings that end in '*'")
    .option("--price <usd>", "what a call costs, in USD; 0 unless given")
    .option("--tool-price <name=usd...>", "the same of single tools, of resources/read and of prompts/get")
    .option("--timeout-ms <ms>", "limit of a call; 60000 unless given", readCount)
    .addHelpText(
      "after",
      "\nExample:\n  lyss mcp add docs https://tools.example.com/mcp --bearer-env DOCS_TOKEN --price 0.002",
    )
    .action(async (name: string, url: string, options) => {
      const { api, output } = connect(deps, options);
      const added = await api.send("POST", path, {
        ...{ name, url, headers: await readHeaders(deps, options) },
        ...readOauth(deps, options),
        ...(options.tool && { allowed_tools: options.tool }),
        ...(options.price !== undefined && { usd_per_call: options.price }),
        ...(options.toolPrice && { usd_per_call_by_tool: toPairs("--tool-price", options.toolPrice) }),
        ...(options.timeoutMs !== undefined && { timeout_ms: options.timeoutMs }),
      });
      print(output, added, () => `${name} is added. See what it offers with 'lyss mcp tools ${name}'.`);
    });
}

function readOauth({ env }: CliDeps, options: AddOptions): { readonly oauth?: object } {
  const { clientId, clientSecretEnv, tokenUrl, scope, resource } = options;
  if (clientId === undefined && clientSecretEnv === undefined) {
    if (tokenUrl === undefined && scope === undefined && resource === undefined) return {};
    throw new CommandError("--token-url, --scope and --resource need --client-id and --client-secret-env.");
  }
  if (clientId === undefined || clientSecretEnv === undefined) {
    throw new CommandError("--client-id and --client-secret-env belong together.");
  }
  const oauth = { client_id: clientId, client_secret: readVariable(env, clientSecretEnv) };
  return { oauth: { ...oauth, ...(tokenUrl !== undefined && { token_url: tokenUrl }), scope, resource } };
}

function withLeftOut(table: string, leftOut: unknown): string {
  return leftOut === 0 ? table : `${table}\n${leftOut} more cannot be offered.`;
}

function firstLine(text: unknown): string {
  const [line = ""] = String(text ?? "").split("\n", 1);
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
