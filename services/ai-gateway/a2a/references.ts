import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Reference } from "./protocol.ts";
import { createReferenceStore, type ReferenceOwner } from "./reference-store.ts";

/** Whose the tasks and contexts are that agents keep. An agent knows Lyss alone: who of its callers began one is known here. */
export interface References {
  /** True when all are the owner's, who gets those that nobody has had for 90 days. A repeat changes nothing. */
  claim(owner: ReferenceOwner, references: readonly Reference[]): Promise<boolean>;
  /** The first of them that is not the owner's; undefined when all are. */
  findForeign(owner: ReferenceOwner, references: readonly Reference[]): Promise<string | undefined>;
  removeOfServer(tx: Tx, serverId: string): Promise<void>;
  removeOfOwner(tx: Tx, ownerId: string): Promise<void>;
  readonly jobs: readonly Job[];
}

const lifeMs = 90 * 86_400_000;

export function createReferences({ db, clock }: { readonly db: Database; readonly clock: Clock }): References {
  const store = createReferenceStore(db.sql);
  return {
    claim: (owner, references) => store.claim(owner, references, new Date(clock.nowMs() + lifeMs)),
    findForeign: (owner, references) => store.findForeign(owner, references),
    removeOfServer: (tx, serverId) => store.deleteOfServer(tx, serverId),
    removeOfOwner: (tx, ownerId) => store.deleteOfOwner(tx, ownerId),
    jobs: [
      {
        name: "forget-agent-references",
        everyMs: 60_000,
        run: async () => {
          await deleteExpired(db, "agent_reference", { now: new Date(clock.nowMs()), limit: 10_000 });
        },
      },
    ],
  };
}
