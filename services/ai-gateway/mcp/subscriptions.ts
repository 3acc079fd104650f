import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { SessionOwner } from "./mcp-sessions.ts";
import { digestOf } from "./session-owner.ts";
import { createSubscriptionStore } from "./subscription-store.ts";

/** Of which resources each client wants to hear, as callers name them. */
export interface Subscriptions {
  /** Holds at this process at once and at the others within ten seconds, for a day. Throws `tool_subscriptions_exceeded`. */
  add(owner: SessionOwner, session: string, uri: string): Promise<void>;
  remove(owner: SessionOwner, session: string, uri: string): Promise<void>;
  list(owner: SessionOwner, session: string): Promise<readonly string[]>;
  /** Has `look` called when the subscriptions of a session are changed at this process; gives what ends that. */
  watch(owner: SessionOwner, session: string, look: () => void): () => void;
  readonly jobs: readonly Job[];
}

const keptMs = 86_400_000;
const knownMs = 10_000;
const maxKnown = 5_000;
const maxOfSession = 100;
const maxOfOwner = 1_000;

export function createSubscriptions({ db, clock }: { readonly db: Database; readonly clock: Clock }): Subscriptions {
  const store = createSubscriptionStore(db);
  /** The one that was read longest ago first. */
  const known = new Map<string, { readonly uris: readonly string[]; readonly readMs: number }>();

  const watchers = new Map<string, Set<() => void>>();

  function forget(key: string): void {
    known.delete(key);
    for (const look of watchers.get(key) ?? []) look();
  }

  function note(key: string, uris: readonly string[]): void {
    known.delete(key);
    known.set(key, { uris, readMs: clock.monotonicMs() });
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  }

  return {
    async add(by, session, uri) {
      const owner = digestOf(by);
      const expiresAt = new Date(clock.nowMs() + keptMs);
      await db.transaction(async (tx) => {
        if (!(await store.put(tx, { owner, session }, uri, expiresAt, maxOfSession))) {
          throw new Failure(toolFailures.tool_subscriptions_exceeded, { limit: maxOfSession });
        }
        await store.trim(tx, owner, maxOfOwner);
      });
      forget(owner + session);
    },
    async remove(by, session, uri) {
      const owner = digestOf(by);
      await db.transaction((tx) => store.delete(tx, { owner, session }, uri));
      forget(owner + session);
    },
    async list(by, session) {
      const owner = digestOf(by);
      const found = known.get(owner + session);
      if (found && clock.monotonicMs() - found.readMs < knownMs) return found.uris;
      const uris = await store.list({ owner, session }, new Date(clock.nowMs()));
      note(owner + session, uris);
      return uris;
    },
    watch(by, session, look) {
      const key = digestOf(by) + session;
      const looks = watchers.get(key) ?? new Set();
      watchers.set(key, looks.add(look));
      return () => {
        looks.delete(look);
        if (looks.size === 0 && watchers.get(key) === looks) watchers.delete(key);
      };
    },
    jobs: [
      {
        name: "forget-mcp-subscriptions",
        everyMs: 60_000,
        run: () => store.deleteExpired(new Date(clock.nowMs()), 10_000).then(() => undefined),
      },
    ],
  };
}
