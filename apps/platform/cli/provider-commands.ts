import { type Command, Option } from "commander";
import { type ApiClient, CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

/** `lyss provider add|presets|list|show|test|remove`; `lyss providers` is the same. */
export function addProviderCommands(program: Command, deps: CliDeps): void {
  const provider = program.command("provider").alias("providers").description("model providers");

  withConnection(provider.command("add").description("add a provider, or replace the one of that name"))
    .argument("<name>", "a-z, 0-9, '.', '_' and '-'")
    .option(
      "--preset <name>",
      "a vendor of 'lyss provider presets': its address, dialect, key's variable and priced models",
    )
    .option("--base-url <url>", "such as https://api.openai.com/v1; private addresses belong into lyss.yaml")
    .addOption(
      new Option("--dialect <api>", "API that it speaks; openai unless given").choices([
        ...[
          "openai",
          "responses",
          "anthropic",
          "gemini",
          "bedrock",
          "cohere",
          "vertex",
          "azure",
          "elevenlabs",
          "deepgram",
          "replicate",
        ],
      ]),
    )
    .option("--api-version <date>", "of Azure's API with deployments in the path; 2024-10-21 unless given")
    .option(
      "--drop-unsupported",
      "ask without parameters that a model is known not to take, instead of refusing the call",
    )
    .addOption(
      new Option("--data-policy <policy>", "what it does with prompts; unknown unless given").choices([
        ...["unknown", "collects", "retains", "zero_retention"],
      ]),
    )
    .option("--region <region>", "where it works on prompts, such as eu or eu-central-1; unknown unless given")
    .addOption(
      new Option("--quantization <kind>", "in what numbers its models run; unknown unless given").choices([
        ...["int4", "int8", "fp4", "fp6", "fp8", "fp16", "bf16", "fp32"],
      ]),
    )
    .option(
      "--model <name=input/output...>",
      "model and its price in USD per million tokens: gpt-4o-mini=0.15/0.60; a well-known one also without",
    )
    .option("--api-key-env <name>", "environment variable that holds the provider's key")
    .option("--api-key-stdin", "read the provider's key from standard input")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const preset = options.preset === undefined ? undefined : await findPreset(api, options.preset);
      const added = await api.send("POST", "/api/v1/ai/providers", {
        name,
        dialect: options.dialect ?? preset?.["dialect"] ?? "openai",
        base_url: readBaseUrl(options.baseUrl, preset),
        api_key: await readProviderKey(deps, options, preset),
        models: readModels(options.model, preset).map((model) => ({
          ...model,
          ...(options.quantization !== undefined && { quantization: options.quantization }),
        })),
        ...(options.apiVersion !== undefined && { api_version: options.apiVersion }),
        ...(options.dataPolicy !== undefined && { data_policy: options.dataPolicy }),
        ...(options.region !== undefined && { region: options.region }),
        ...(options.dropUnsupported && { unsupported_parameters: "drop" }),
      });
      print(output, added, () => `${name} is added. Try it with 'lyss provider test ${name}'.`);
    });

  withConnection(provider.command("presets").description("list vendors whose address and dialect are known")).action(
    async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", "/api/v1/ai/provider-presets"), ({ data }) =>
        toTable(
          ["NAME", "DIALECT", "BASE URL", "KEY", "MODELS"],
          (data as Row[]).map((it) => [
            ...[it["name"], it["dialect"], it["base_url"], it["api_key_env"]],
            (it["models"] as string[]).length,
          ]),
        ),
      );
    },
  );

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

  withConnection(provider.command("show").description("show a provider, and how each of its models does"))
    .argument("<name>")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/api/v1/ai/providers/${encodeURIComponent(name)}`), toProviderText);
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

function toProviderText({ models, object: _object, ...about }: Row): string {
  const rows = (models as Row[]).map((model) => {
    const health = model["health"] as Row | undefined;
    return [
      ...[model["name"], model["input_usd_per_million"], model["output_usd_per_million"]],
      ...[health?.["state"], health?.["score"], health?.["first_byte_ms"], health?.["tokens_per_second"]],
      health?.["availability"],
    ];
  });
  const prices = ["USD/M IN", "USD/M OUT"];
  const headings = ["MODEL", ...prices, "STATE", "SCORE", "FIRST BYTE MS", "TOKENS/S", "ANSWERED"];
  return `${toFields(about)}\n\n${toTable(headings, rows)}`;
}

async function readProviderKey(
  { env, readInput }: CliDeps,
  options: { readonly apiKeyEnv?: string; readonly apiKeyStdin?: boolean },
  preset: Row | undefined,
): Promise<string> {
  if (options.apiKeyStdin) return (await readInput()).trim();
  const variable = options.apiKeyEnv ?? preset?.["api_key_env"];
  if (variable === undefined) return "";
  const key = env[String(variable)];
  if (!key) throw new CommandError(`The environment variable ${variable} is not set.`);
  return key;
}

async function findPreset(api: ApiClient, name: string): Promise<Row> {
  const { data } = await api.send("GET", "/api/v1/ai/provider-presets");
  const preset = (data as Row[]).find((it) => it["name"] === name);
  if (!preset) throw new CommandError(`--preset ${name}: is not known; 'lyss provider presets' lists what is.`);
  return preset;
}

function readBaseUrl(given: string | undefined, preset: Row | undefined): string {
  const known = preset && String(preset["base_url"]);
  const baseUrl = given ?? known;
  if (baseUrl === undefined)
    throw new CommandError("Name the provider's address with --base-url, or its vendor with --preset.");
  if (given === undefined && /[{}]/.test(baseUrl))
    throw new CommandError(`Name your own address with --base-url, in the form ${baseUrl}.`);
  return baseUrl;
}

function readModels(given: readonly string[] | undefined, preset: Row | undefined): Row[] {
  const models = given ?? (preset?.["models"] as readonly string[] | undefined) ?? [];
  if (models.length === 0)
    throw new CommandError("Name the models with --model, such as --model gpt-4o-mini=0.15/0.60.");
  return models.map(parseModel);
}

function parseModel(text: string): Row {
  if (!text.includes("=")) return { name: text };
  const match = /^(.+)=([\d.]+)\/([\d.]+)$/.exec(text);
  if (!match) throw new CommandError(`--model ${text}: write it as name=input/output, such as gpt-4o-mini=0.15/0.60.`);
  return { name: match[1], input_usd_per_million: match[2], output_usd_per_million: match[3] };
}
