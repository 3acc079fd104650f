import { type Fields, refuseOthers } from "../dialects/request-fields.ts";

/** They change how an answer is kept, found again or hurried, and not what it says. */
const hints = [
  ...["stream_options", "store", "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention"],
  "safety_identifier",
];

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

/**
 * Throws `invalid_request` naming a field of a chat request that a wire neither reads nor may leave out. `read` are the fields
 * that it reads, `more` what it leaves out besides hints.
 */
export function refuseUnread(json: Fields, read: readonly string[], more: readonly string[] = []): void {
  const asked = Object.entries(json).filter(([name, value]) => !neutral[name]?.(value));
  refuseOthers(Object.fromEntries(asked), new Set([...read, ...hints, ...more]), "");
}
