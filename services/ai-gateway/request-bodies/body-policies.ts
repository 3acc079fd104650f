import { createHash } from "node:crypto";
import { requestBodyPolicyChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { DataPolicies } from "../data-policies/data-policies.ts";
import { createNewestRead } from "../newest-read.ts";
import type { BodyPolicy, BodyPolicySpec } from "./body-policy.ts";
import type { BodyStore } from "./body-store.ts";
import { createRedaction, type Redaction } from "./redact-body.ts";

/** A policy that is ready for calls, within what its tenant's data policy allows. */
export interface ReadyPolicy extends BodyPolicy {
  /** False where nothing may be kept. */
  readonly isAllowed: boolean;
  readonly redaction: Redaction;
}

type KeyOfCaller = { readonly tenantId: string; readonly keyId: string };

/** Which tenants want kept what is said in their calls; what they may is bounded by their data policies. */
export interface BodyPolicies {
  /** True where something of the caller's calls may be kept: one look-up. */
  isWanted(caller: KeyOfCaller): boolean;
  /** That of a call, by any name that its model has; undefined for one of which nothing is kept. */
  find(call: {
    readonly caller: KeyOfCaller;
    readonly callId: string;
    readonly models: readonly string[];
  }): ReadyPolicy | undefined;
  /** Throws `request_body_policy_not_found`. */
  get(tenantId: string): ReadyPolicy;
  /** It counts on every node within two seconds. A repeat makes another version of the same. */
  put(tenantId: string, spec: BodyPolicySpec): Promise<BodyPolicy>;
  /** Nothing more is kept. What is there stays until it expires or is purged. Throws `request_body_policy_not_found`. */
  remove(tenantId: string): Promise<void>;
  /** Forgets all that is kept at once, and what is about to be written; gives how much that was. A repeat is safe. */
  purge(tenantId: string): Promise<number>;
  /** Reads all anew. */
  load(): Promise<void>;
}

export interface BodyPoliciesDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly bodyStore: BodyStore;
  readonly dataPolicies: Pick<DataPolicies, "of">;
}

export function createBodyPolicies({ bodyStore: store, ...deps }: BodyPoliciesDeps): BodyPolicies {
  const { db, outbox, clock, dataPolicies } = deps;
  let byTenant: ReadonlyMap<string, ReadyPolicy> = new Map();
  const newest = createNewestRead();
  const notFound = () => new Failure(recordFailures.request_body_policy_not_found);
  const say = (tx: Tx, tenantId: string, change: string) =>
    outbox.append(tx, requestBodyPolicyChanged, { tenantId, change, actorId: currentActorId() });

  const load = () =>
    newest(store.listPolicies, (policies) => {
      byTenant = new Map(policies.map((policy) => [policy.tenantId, toReady(policy)]));
    });

  function toReady(policy: BodyPolicy): ReadyPolicy {
    const { storeBodies, redact } = dataPolicies.of(policy.tenantId);
    const { redaction } = policy.spec;
    const pii = [...new Set([...redaction.pii, ...redact])];
    return {
      ...policy,
      isAllowed: storeBodies,
      redaction: createRedaction({ redaction: { ...redaction, pii } }, clock),
    };
  }

  function ofCaller({ tenantId, keyId }: KeyOfCaller): ReadyPolicy | undefined {
    const policy = byTenant.size === 0 ? undefined : byTenant.get(tenantId);
    if (!policy?.isAllowed) return undefined;
    return policy.spec.keys.length === 0 || policy.spec.keys.includes(keyId) ? policy : undefined;
  }

  return {
    isWanted: (caller) => ofCaller(caller) !== undefined,
    find({ caller, callId, models }) {
      const policy = ofCaller(caller);
      if (!policy || !isMeant(policy.spec, models)) return undefined;
      return placeOf(callId) < policy.spec.sample_ratio ? policy : undefined;
    },
    get(tenantId) {
      const policy = byTenant.get(tenantId);
      if (!policy) throw notFound();
      return policy;
    },
    async put(tenantId, spec) {
      const put = await db.transaction(async (tx) => {
        const before = await store.lockPolicy(tx, tenantId);
        const version = (before?.version ?? 0) + 1;
        const changed = {
          ...{ tenantId, spec, version, updatedAt: new Date(clock.nowMs()) },
          purgedAt: before?.purgedAt ?? null,
        };
        await store.putPolicy(tx, changed);
        await say(tx, tenantId, "put");
        return changed;
      });
      await load();
      return put;
    },
    async remove(tenantId) {
      await db.transaction(async (tx) => {
        if (!(await store.lockPolicy(tx, tenantId))) throw notFound();
        await store.deletePolicy(tx, tenantId);
        await say(tx, tenantId, "removed");
      });
      await load();
    },
    async purge(tenantId) {
      const count = await db.transaction(async (tx) => {
        const policy = await store.lockPolicy(tx, tenantId);
        if (policy) await store.putPolicy(tx, { ...policy, purgedAt: new Date(clock.nowMs()) });
        const readable = await store.countReadable(tx, tenantId);
        await store.deleteKey(tx, tenantId);
        await say(tx, tenantId, "purged");
        return readable;
      });
      await load();
      return count;
    },
    load,
  };
}

function isMeant({ models: wanted }: BodyPolicySpec, models: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  return wanted.some((it) =>
    models.some((name) => (it.endsWith("*") ? name.startsWith(it.slice(0, -1)) : name === it)),
  );
}

/** From 0 up to 1, the same for a call wherever it is asked. */
function placeOf(callId: string): number {
  return createHash("sha256").update(callId).digest().readUInt32BE(0) / 2 ** 32;
}
