import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { requireJsonSize } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { withoutField } from "../dialects/openai/json-fields.ts";
import {
  readFlag,
  readList,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
} from "../dialects/request-fields.ts";
import { type Quantization, quantizations } from "../model.ts";

/** What a caller wants of the providers of one call, as OpenRouter has it (openrouter.ai/docs/guides/routing/provider-selection). */
export interface Preferences {
  /** Names of providers that come first, in this order. */
  readonly order: readonly string[];
  /** Undefined for all. */
  readonly only: readonly string[] | undefined;
  readonly ignore: readonly string[];
  /** False: none but those of `order`, or without one none but the first. */
  readonly allowsFallbacks: boolean;
  /** True: none that would leave out or refuse a parameter. */
  readonly requiresParameters: boolean;
  /** True: none that may keep or learn from prompts. */
  readonly refusesCollection: boolean;
  /** True: none that keeps prompts at all. */
  readonly wantsZeroRetention: boolean;
  /** In whose numbers the model may run, and where prompts may be worked on; undefined for all. What is not known is none of them; numbers may be `unknown`. */
  readonly quantizations: readonly (Quantization | "unknown")[] | undefined;
  readonly regions: readonly string[] | undefined;
  readonly sort: (typeof sorts)[number] | undefined;
  /** Whether an answer that breaks off is gone on with elsewhere; undefined as the route has it. */
  readonly continues: boolean | undefined;
  /** US dollars per million tokens; a provider that asks for more, or whose price is not known, is none. */
  readonly maxPrice: { readonly prompt: number | undefined; readonly completion: number | undefined } | undefined;
}

const known = new Set([
  "order",
  "only",
  "ignore",
  "allow_fallbacks",
  "require_parameters",
  "sort",
  "max_price",
  "data_collection",
  "zdr",
  "quantizations",
  "regions",
  "continue",
]);
const sorts = ["price", "latency", "throughput"] as const;
const knownPrices = new Set(["prompt", "completion"]);
/** For the OpenAPI document. */
export const preferencesBody = z
  .looseObject({})
  .optional()
  .meta({ examples: [{}] })
  .describe(
    "Which providers the call may go to, and in which order: `order`, `only`, `ignore`, `allow_fallbacks`, `sort`, `max_price`, `require_parameters`, `data_collection`, `zdr`, `quantizations`, `regions`, `continue`; see guides/providers.md. Needs `provider:read`.",
  );
const maxNames = 100;
const mark = Buffer.from('"provider"');
/** Who may see the providers by name may choose among them. */
const permission = "provider:read";

/** A request, as far as it says what is wanted. */
export interface WantedBy {
  readonly body: Buffer;
  readonly caller: Caller | undefined;
}

/**
 * What a caller wants of the providers, and the body without that, which never goes upstream. Throws `invalid_request` for a `provider`
 * that is none, and `permission_denied` for a caller who may not choose.
 */
export function takeWanted({ body, caller }: WantedBy): { readonly body: Buffer; readonly preferences?: Preferences } {
  const taken = takePreferences(body);
  if (!taken) return { body };
  if (!permits(caller?.permissions ?? [], permission)) {
    throw new Failure(kitFailures.permission_denied, { permission });
  }
  return taken;
}

/** The `provider` object of a body, and the body without it; undefined where there is none. Throws `invalid_request`. */
export function takePreferences(body: Buffer) {
  if (!body.includes(mark)) return undefined;
  requireJsonSize(body);
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    // Whoever reads the body says what is wrong with it.
    return undefined;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json) || !Object.hasOwn(json, "provider")) {
    return undefined;
  }
  const rest = withoutField(body, "provider");
  if (!rest) throw refuseField("provider", "may stand only once", "只能出现一次");
  return { body: rest, preferences: readPreferences((json as { readonly provider: unknown }).provider) };
}

function readPreferences(value: unknown): Preferences {
  const fields = value === null ? {} : readObject(value, "provider");
  refuseOthers(fields, known, "provider");
  const names = (name: string) => readOptional(fields[name], `provider.${name}`, readNames);
  return {
    order: names("order") ?? [],
    only: names("only"),
    ignore: names("ignore") ?? [],
    allowsFallbacks: readOptional(fields["allow_fallbacks"], "provider.allow_fallbacks", readFlag) ?? true,
    requiresParameters: readOptional(fields["require_parameters"], "provider.require_parameters", readFlag) ?? false,
    refusesCollection:
      readOptional(fields["data_collection"], "provider.data_collection", (value, path) =>
        readOneOf(value, path, ["allow", "deny"]),
      ) === "deny",
    wantsZeroRetention: readOptional(fields["zdr"], "provider.zdr", readFlag) ?? false,
    quantizations: readOptional(fields["quantizations"], "provider.quantizations", readQuantizations),
    regions: names("regions")?.map((region) => region.toLowerCase()),
    sort: readOptional(fields["sort"], "provider.sort", (sort, path) => readOneOf(sort, path, sorts)),
    continues: readOptional(fields["continue"], "provider.continue", readFlag),
    maxPrice: readOptional(fields["max_price"], "provider.max_price", readMaxPrice),
  };
}

function readNames(value: unknown, path: string): readonly string[] {
  const names = readList(value, path);
  if (names.length > maxNames) throw refuseField(path, `may have ${maxNames} names`, `最多可有 ${maxNames} 个名称`);
  return names.map((name, at) => readText(name, `${path}.${at}`));
}

function readQuantizations(value: unknown, path: string): readonly (Quantization | "unknown")[] {
  return readNames(value, path).map((name, at) => readOneOf(name, `${path}.${at}`, [...quantizations, "unknown"]));
}

function readMaxPrice(value: unknown, path: string) {
  const fields = readObject(value, path);
  refuseOthers(fields, knownPrices, path);
  return {
    prompt: readOptional(fields["prompt"], `${path}.prompt`, readUsd),
    completion: readOptional(fields["completion"], `${path}.completion`, readUsd),
  };
}

function readUsd(value: unknown, path: string): number {
  const usd = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof usd === "number" && Number.isFinite(usd) && usd >= 0) return usd;
  throw refuseField(
    path,
    "must be US dollars per million tokens, 0 or more",
    "必须是每百万 token 的美元价格，且不小于 0",
  );
}
