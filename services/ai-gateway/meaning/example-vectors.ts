import { hash } from "node:crypto";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Logger } from "pino";
import type { Target } from "../model.ts";
import { toFloats } from "../vectors/unit-vector.ts";
import { createVectorMemory } from "../vectors/vector-memory.ts";
import type { ExampleSet, ExampleStore } from "./example-store.ts";

/** Makes the vectors of texts, one for each; undefined where that fails. Never rejects. */
export type MakeVectors = (texts: readonly string[]) => Promise<readonly Float32Array[] | undefined>;

/** Examples of routes as vectors: of each tenant and model each text is made once, whichever routes and nodes ask for it. */
export interface ExampleVectors {
  /**
   * One for each text. Undefined while they are not all there: made by another node, or failed within the last half minute. What `make`
   * was asked for is kept even if nobody waits any more. Never rejects.
   */
  find(
    tenantId: string,
    model: Target,
    texts: readonly string[],
    make: MakeVectors,
  ): Promise<readonly Float32Array[] | undefined>;
  readonly jobs: readonly Job[];
}

/** A request for vectors holds so many texts at most: the least that vendors take is some more. */
const madeAtOnce = 64;
/** Nobody else makes an example meanwhile, and after a failure nobody does. */
export const claimMs = 30_000;
/** The database is not asked again sooner for what was not there. */
const askAgainMs = 1_000;
const dayMs = 86_400_000;
/** After so long without being asked for they are forgotten, and made again when they are. */
const keptDays = 30;
/** A node asks again so often what it remembers, so that it is kept. */
const knownMs = dayMs;
const maxRememberedBytes = 33_554_432;
const maxLoads = 1_000;
const deletedAtOnce = 1_000;

interface Load {
  readonly done: Promise<void>;
  endedAtMs: number;
}

export function createExampleVectors(deps: {
  readonly store: ExampleStore;
  readonly clock: Clock;
  readonly log: Logger;
}): ExampleVectors {
  const { store, clock, log } = deps;
  const remembered = createVectorMemory(maxRememberedBytes);
  const loads = new Map<string, Load>();

  async function load(set: ExampleSet, byId: ReadonlyMap<string, Text>, make: MakeVectors): Promise<void> {
    const texts = [...byId.values()];
    const byHash = new Map([...byId].map(([id, text]) => [text.hash.toString("base64"), { id, ...text }]));
    const nowMs = clock.nowMs();
    const kept = { before: new Date(nowMs + (keptDays - 1) * dayMs), expiresAt: new Date(nowMs + keptDays * dayMs) };
    const rows = await store.listVectors(
      set,
      texts.map((text) => text.hash),
    );
    for (const { textHash, vector } of rows) {
      const text = byHash.get(textHash.toString("base64"));
      if (text) remembered.put(text.id, toFloats(vector));
      byHash.delete(textHash.toString("base64"));
    }
    const found = rows.map(({ textHash }) => textHash);
    if (found.length > 0) await store.keep(set, found, kept);
    if (byHash.size === 0) return;
    const missing = [...byHash.values()].map((text) => text.hash);
    const claim = { now: new Date(nowMs), claimedUntil: new Date(nowMs + claimMs), expiresAt: kept.expiresAt };
    const claimed = await store.claim(set, missing, claim);
    for (let at = 0; at < claimed.length; at += madeAtOnce) {
      const some = claimed.slice(at, at + madeAtOnce).flatMap((it) => byHash.get(it.toString("base64")) ?? []);
      const vectors = await make(some.map(({ text }) => text));
      if (!vectors) return;
      await store.put(set, new Map(some.map(({ hash: it }, n) => [it, toBytes(vectors[n] as Float32Array)])));
      for (const [n, { id }] of some.entries()) remembered.put(id, vectors[n] as Float32Array);
    }
  }

  /** The one that is under way, or has just ended, or a new one. */
  function loadOnce(name: string, set: ExampleSet, byId: ReadonlyMap<string, Text>, make: MakeVectors): Promise<void> {
    const last = loads.get(name);
    if (last && clock.monotonicMs() - last.endedAtMs < askAgainMs) return last.done;
    const [oldest] = loads.keys();
    if (loads.size >= maxLoads && oldest !== undefined) loads.delete(oldest);
    const done = load(set, byId, make)
      .catch((err: unknown) => log.warn({ err }, "examples of a route cannot be looked up, or kept"))
      .finally(() => {
        started.endedAtMs = clock.monotonicMs();
      });
    const started: Load = { done, endedAtMs: Number.POSITIVE_INFINITY };
    loads.delete(name);
    loads.set(name, started);
    return done;
  }

  return {
    async find(tenantId, { provider, model }, texts, make) {
      const modelHash = hash("sha256", JSON.stringify([provider.providerId, model.upstreamName]), "buffer");
      const hashes = texts.map((text) => hash("sha256", text, "buffer"));
      const ids = hashes.map((it) => `${tenantId} ${modelHash.toString("latin1")}${it.toString("latin1")}`);
      const byId = new Map(ids.map((id, at) => [id, { text: texts[at] ?? "", hash: hashes[at] ?? Buffer.alloc(0) }]));
      const name = hash("sha256", ids.join("\n"), "base64");
      const isKnown = () => ids.every((id) => remembered.has(id));
      const loaded = loads.get(name);
      const isFresh = loaded !== undefined && clock.monotonicMs() - loaded.endedAtMs < knownMs;
      if (!isFresh || !isKnown()) await loadOnce(name, { tenantId, modelHash }, byId, make);
      const vectors = ids.flatMap((id) => remembered.get(id) ?? []);
      return vectors.length === ids.length ? vectors : undefined;
    },
    jobs: [
      {
        name: "forget-examples",
        everyMs: dayMs / 24,
        async run(signal) {
          const now = new Date(clock.nowMs());
          while (!signal.aborted && (await store.deleteExpired(now, deletedAtOnce)) === deletedAtOnce);
        },
      },
    ],
  };
}

interface Text {
  readonly text: string;
  readonly hash: Buffer;
}

function toBytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
