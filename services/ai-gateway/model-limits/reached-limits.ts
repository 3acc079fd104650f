import { modelLimitReached } from "@lyss/contracts/events/ai-gateway.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createQuietNotes } from "@lyss/kit/resilience/quiet-notes.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { ModelLimit } from "./model-limit.ts";
import type { ModelLimitStore } from "./model-limit-store.ts";

/** Who met a limit. */
export interface ReachedBy {
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
}

interface Reached extends ReachedBy {
  readonly limit: ModelLimit;
  readonly of: string;
}

/** Limits that calls have met, on their way to those whom they are for. */
export interface ReachedLimits {
  note(limit: ModelLimit, of: string, by: ReachedBy): void;
  readonly jobs: readonly Job[];
}

/** Between two times that the same limit is told. */
const quietMs = 60_000;
const nobody: ReachedBy = { tenantId: "", userId: "", keyId: "" };

/** Each limit is told once a minute at most, on however many nodes it is met; one that is counted for each tenant by itself, or for less, for each tenant. */
export function createReachedLimits(deps: {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly store: ModelLimitStore;
}): ReachedLimits {
  const { db, outbox, clock, store } = deps;
  const notes = createQuietNotes<Reached>({ clock, quietMs, againMs: 5_000 });

  function tell({ limit, of, tenantId, userId, keyId }: Reached): Promise<boolean> {
    const { name, provider = "", model = "", per } = limit;
    const now = new Date(clock.nowMs());
    return db.transaction(async (tx) => {
      const isTold = await store.markTold(tx, { name, tenantId }, { now, since: new Date(now.getTime() - quietMs) });
      if (isTold) {
        await outbox.append(tx, modelLimitReached, { tenantId, name, of, provider, model, per, userId, keyId });
      }
      return isTold;
    });
  }

  return {
    note(limit, of, { tenantId, userId, keyId }) {
      // How large an account is no tenant learns, nor who else uses it.
      const by = limit.per === "all" ? nobody : { tenantId, userId, keyId };
      notes.note(`${limit.name} ${by.tenantId}`, { limit, of, ...by });
    },
    jobs: [{ name: "tell-reached-limits", everyMs: 1_000, run: () => notes.publish(tell) }],
  };
}
