import type { Database } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { LogLevel } from "./log-level.ts";
import { createLogLevelStore } from "./log-level-store.ts";
import type { SessionOwner } from "./mcp-sessions.ts";
import { digestOf } from "./session-owner.ts";

/** From which level on each client wants to hear what servers log; who has not said so hears nothing. */
export interface LogLevels {
  /** Holds at this process at once and at the others within ten seconds, for a day. */
  set(owner: SessionOwner, session: string, level: LogLevel): Promise<void>;
  find(owner: SessionOwner, session: string): Promise<LogLevel | undefined>;
  readonly jobs: readonly Job[];
}

const keptMs = 86_400_000;
const knownMs = 10_000;
const maxKnown = 5_000;
const maxSessionsOfOwner = 100;

export function createLogLevels({ db, clock }: { readonly db: Database; readonly clock: Clock }): LogLevels {
  const store = createLogLevelStore(db);
  /** The one that was read longest ago first. */
  const known = new Map<string, { readonly level: LogLevel | undefined; readonly readMs: number }>();

  function note(key: string, level: LogLevel | undefined): void {
    known.delete(key);
    known.set(key, { level, readMs: clock.monotonicMs() });
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  }

  return {
    async set(by, session, level) {
      const owner = digestOf(by);
      const expiresAt = new Date(clock.nowMs() + keptMs);
      await db.transaction(async (tx) => {
        await store.put(tx, { owner, session }, level, expiresAt);
        await store.trim(tx, owner, maxSessionsOfOwner);
      });
      note(owner + session, level);
    },
    async find(by, session) {
      const owner = digestOf(by);
      const found = known.get(owner + session);
      if (found && clock.monotonicMs() - found.readMs < knownMs) return found.level;
      const level = await store.find({ owner, session }, new Date(clock.nowMs()));
      note(owner + session, level);
      return level;
    },
    jobs: [
      {
        name: "forget-mcp-log-levels",
        everyMs: 60_000,
        run: () => store.deleteExpired(new Date(clock.nowMs()), 10_000).then(() => undefined),
      },
    ],
  };
}
