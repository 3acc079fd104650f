import { type Command, Option } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss provider add|list|test|remove`. */
export function addProviderCommands(program: Command, deps: CliDeps): void {
  const provider = program.command("provider").description("model providers");

  withConnection(provider.command("add").description("add a provider, or replace the one of that name"))
    .argument("<name>", "a-z, 0-9, '.', '_' and '-'")
    .requiredOption("--base-url <url>", "such as https://api.openai.com/v1; private addresses belong into lyss.yaml")
    .addOption(
      new Option("--dialect <api>", "API that it speaks").choices(["openai", "anthropic", "gemini"]).default("openai"),
    )
    .requiredOption(
      "--model <name=input/output...>",
      "model and its price in USD per million tokens: gpt-4o-mini=0.15/0.60; a well-known one also without",
    )
    .option("--api-key-env <name>", "environment variable that holds the provider's key")
    .option("--api-key-stdin", "read the provider's key from standard input")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const added = await api.send("POST", "/api/v1/ai/providers", {
        name,
        dialect: options.dialect,
        base_url: options.baseUrl,
        api_key: await readProviderKey(deps, options),
        models: options.model.map(parseModel),
      });
      print(output, added, () => `${name} is added. Try it with 'lyss provider test ${name}'.`);
    });

  withConnection(provider.command("list").description("list the providers you may use")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", "/api/v1/ai/providers"), ({ data }) =>
      toTable(
        ["NAME", "SOURCE", "BASE URL", "KEY", "MODELS"],
        (data as Row[]).map((it) => {
          const names = (it["models"] as Row[]).map((model) => model["name"]);
          const models =
            names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
          return [it["name"], it["source"], it["base_url"], it["has_api_key"] ? "yes" : "no", models];
        }),
      ),
    );
  });

  withConnection(provider.command("test").description("ask a provider for its models with the stored key"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const result = await api.send("POST", `/api/v1/ai/providers/${encodeURIComponent(name)}:test`);
      const { reachable, status, latency_ms, missing_models } = result;
      print(output, result, () => toFields({ reachable, status, latency_ms, missing_models }));
      if (!reachable) throw new CommandError(`${name} does not answer as it should.`);
    });

  withConnection(provider.command("remove").description("remove a provider that was added by call"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const removed = await api.send("DELETE", `/api/v1/ai/providers/${encodeURIComponent(name)}`);
      print(output, removed, () => `${name} is removed and its key destroyed.`);
    });
}

async function readProviderKey(
  { env, readInput }: CliDeps,
  options: { readonly apiKeyEnv?: string; readonly apiKeyStdin?: boolean },
): Promise<string> {
  if (options.apiKeyStdin) return (await readInput()).trim();
  if (options.apiKeyEnv === undefined) return "";
  const key = env[options.apiKeyEnv];
  if (!key) throw new CommandError(`The environment variable ${options.apiKeyEnv} is not set.`);
  return key;
}

function parseModel(text: string): Row {
  if (!text.includes("=")) return { name: text };
  const match = /^(.+)=([\d.]+)\/([\d.]+)$/.exec(text);
  if (!match) throw new CommandError(`--model ${text}: write it as name=input/output, such as gpt-4o-mini=0.15/0.60.`);
  return { name: match[1], input_usd_per_million: match[2], output_usd_per_million: match[3] };
}
