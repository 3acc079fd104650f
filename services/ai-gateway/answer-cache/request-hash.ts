import { createHmac } from "node:crypto";
import { parseExact } from "../dialects/exact-json.ts";
import type { Target } from "../model.ts";

/** What a request carries for the vendor's records and for its own caches: the answer does not depend on it. */
const withoutEffect = new Set([
  ...["user", "safety_identifier", "metadata", "store", "prompt_cache_key", "prompt_cache_retention"],
]);

/** A body as it is hashed: parsed, without what has no effect. */
export type EffectiveBody = Readonly<Record<string, unknown>>;

export interface HashedRequest {
  readonly tenantId: string;
  /** Where it was sent, which says what an answer looks like. */
  readonly surface: string;
  readonly model: string;
  readonly body: EffectiveBody;
  /** What else decides, such as the betas that a caller asks for. */
  readonly headers: string;
  /** Where it may go: what another model says is another answer. */
  readonly targets: readonly Target[];
}

/** Undefined for a body that is no JSON object. */
export function readEffective(body: Buffer): EffectiveBody | undefined {
  let parsed: unknown;
  try {
    parsed = parseExact(body.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
  return Object.fromEntries(Object.entries(parsed).filter(([name]) => !withoutEffect.has(name)));
}

/**
 * The same for requests that ask for the same: whatever the order of fields, the space between them, and what has no effect. Whoever has no
 * `key` learns nothing of a request from it.
 */
export function hashRequest(key: Buffer, request: HashedRequest): Buffer {
  const { tenantId, surface, model, headers, targets, body } = request;
  const named = targets.map(({ provider, model: at }) => [provider.providerId, at.upstreamName]);
  const places = named.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  const parts = [tenantId, surface, model, headers, places, inOrder(body, 0)];
  return createHmac("sha256", key).update(JSON.stringify(parts)).digest();
}

/** Deeper than that nothing is put in order: it is hashed as it stands. */
const maxDepth = 64;

function inOrder(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth > maxDepth || isRawNumber(value)) return value;
  if (Array.isArray(value)) return value.map((item) => inOrder(item, depth + 1));
  const names = Object.keys(value).toSorted();
  // A list of pairs: as an object, names of digits would go before others however they are put.
  return { "{}": names.map((name) => [name, inOrder((value as Record<string, unknown>)[name], depth + 1)]) };
}

/** A number that a double cannot hold, as `parseExact` keeps it. */
function isRawNumber(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}
