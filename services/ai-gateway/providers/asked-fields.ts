import { type Fields, refuseOthers } from "../dialects/request-fields.ts";
import type { WireProvider } from "./wire.ts";

/** They change how an answer is kept, found again or hurried, and not what it says. */
const hints = [
  ...["stream_options", "store", "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention"],
  "safety_identifier",
];

/** True for a field that may be left out of any request. */
export function isHint(name: string): boolean {
  return hints.includes(name);
}

/** Values that ask for nothing beyond what is done anyway. */
const neutral: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
};

/** What an answer is asked to be like, and is still the answer without. */
const droppable = new Set([
  ...[
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
  ],
  ...[
    "logprobs",
    "top_logprobs",
    "seed",
    "parallel_tool_calls",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "user",
    "instructions",
    "speed",
  ],
]);

/** True for a field that asks for nothing beyond what is done anyway. */
export function asksForNothing(name: string, value: unknown): boolean {
  return value === undefined || value === null || neutral[name]?.(value) === true;
}

/** True where a parameter that cannot be had is to be left out; one without which the answer would be another is refused all the same. */
export function mayDrop(name: string, { unsupportedParameters }: WireProvider = {}): boolean {
  return unsupportedParameters === "drop" && droppable.has(name);
}

/**
 * Throws `invalid_request` naming a field of a chat request that a wire neither reads nor may leave out. `read` are the fields
 * that it reads, `more` what it leaves out besides hints, and what the provider is to be asked without.
 */
export function refuseUnread(
  json: Fields,
  read: readonly string[],
  more: readonly string[] = [],
  provider?: WireProvider,
): void {
  const asked = Object.entries(json).filter(
    ([name, value]) => !asksForNothing(name, value) && !mayDrop(name, provider),
  );
  refuseOthers(Object.fromEntries(asked), new Set([...read, ...hints, ...more]), "");
}
