import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { requestBodyRead, requestBodyRemoved } from "@lyss/contracts/events/ai-gateway.ts";
import { exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { createLocalKeyring } from "@lyss/kit/crypto/keyring.ts";
import { unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { DataPolicies } from "../data-policies/data-policies.ts";
import { type BodyLogDeps, bindingOf, createBodyLog, type KeptBodies, keyContextOf } from "./body-log.ts";
import { createBodyPolicies, type ReadyPolicy } from "./body-policies.ts";
import { createBodyStore } from "./body-store.ts";
import type { BodyFacts, BodyFilter, OpenableBody } from "./request-body.ts";

const unzip = promisify(gunzip);
/** An export of a person shows so much of it. */
const maxShown = { maxRows: exportedRowsLimit, maxBytes: 8_388_608 };

/** What is kept of a call, opened. */
export interface OpenedBody extends BodyFacts, KeptBodies {}

/** A policy, and what is kept by it. */
export interface BodyPolicyReport {
  readonly policy: ReadyPolicy;
  readonly calls: number;
  /** Sealed and compressed. */
  readonly bytes: number;
  /** Calls that this node should have kept and has not, since it began. */
  readonly dropped: number;
}

interface CallName {
  readonly tenantId: string;
  readonly callId: string;
}

export interface RequestBodyDeps extends Omit<BodyLogDeps, "keyring" | "bodyStore" | "dataPolicies"> {
  readonly dataPolicies: DataPolicies;
  readonly outbox: Outbox;
  /** 32 bytes: it wraps the tenants' keys. */
  readonly key: Buffer;
}

/** What is said in calls, kept where their tenant wishes it (docs/adr/0105). */
export function createRequestBodies(deps: RequestBodyDeps) {
  const { db, outbox, clock, random, key, dataPolicies } = deps;
  const keyring = createLocalKeyring(key, random);
  const bodyStore = createBodyStore(db);
  const policies = createBodyPolicies({ db, outbox, clock, bodyStore, dataPolicies });
  const log = createBodyLog({ ...deps, keyring, bodyStore });
  const now = () => new Date(clock.nowMs());
  const notFound = (callId: string) => new Failure(recordFailures.request_body_not_found, { id: callId });

  async function open({ sealed, wrappingKeyId, wrapped, dataKeyId, ...facts }: OpenableBody): Promise<OpenedBody> {
    const { tenantId, callId } = facts;
    const dataKey = await keyring.unwrap({ wrappingKeyId, wrapped }, keyContextOf({ tenantId, dataKeyId }));
    const plain = dataKey && unseal(dataKey, sealed, bindingOf({ tenantId, callId }));
    if (!plain) throw new Error("a kept body does not open: the root key is another one, or the row was changed");
    return { ...facts, ...(JSON.parse((await unzip(plain)).toString("utf8")) as KeptBodies) };
  }

  return {
    policies,
    log,
    /** Throws `request_body_policy_not_found`. */
    async report(tenantId: string): Promise<BodyPolicyReport> {
      const policy = policies.get(tenantId);
      return { policy, ...(await bodyStore.sizeOf(tenantId)), dropped: log.droppedOf(tenantId) };
    },
    /** Newest first, without what was said. Throws `kit.invalid_request` for a cursor that is none. */
    async list({ limit, cursor, ...filter }: BodyFilter & PageRequest): Promise<Page<BodyFacts>> {
      const rows = await bodyStore.list(filter, { after: placeIn(cursor), limit: limit + 1, now: now() });
      return toPage(rows, limit, (row) => [String(row.startedAt.getTime()), row.callId]);
    },
    /** Says who has read it before it is given. Throws `request_body_not_found`. */
    async read({ tenantId, callId }: CallName): Promise<OpenedBody> {
      const row = await bodyStore.find(tenantId, callId, now());
      if (!row) throw notFound(callId);
      const opened = await open(row);
      await db.transaction((tx) => outbox.append(tx, requestBodyRead, { tenantId, callId, actorId: currentActorId() }));
      return opened;
    },
    /** What is kept of these calls, by their ids: for an export, which was allowed to have it when it was made. */
    async openAll(tenantId: string, callIds: readonly string[]) {
      const opened = new Map<string, { readonly request: unknown; readonly answer: unknown }>();
      for (const row of await bodyStore.findAll(tenantId, callIds, now())) {
        const { request, answer } = await open(row);
        opened.set(row.callId, { request: request.content, answer: answer?.content ?? null });
      }
      return opened;
    },
    /** Throws `request_body_not_found`. */
    async remove({ tenantId, callId }: CallName): Promise<void> {
      await db.transaction(async (tx) => {
        if (!(await bodyStore.remove(tx, tenantId, callId))) throw notFound(callId);
        await outbox.append(tx, requestBodyRemoved, { tenantId, callId, actorId: currentActorId() });
      });
    },
    /** What is kept of a person's calls, the newest first, as an export shows it. */
    async listOf(tx: Tx, { userId }: { readonly userId: string }): Promise<readonly object[]> {
      const shown: object[] = [];
      for (const row of await bodyStore.listOf(tx, userId, maxShown)) {
        const { callId, model, request, answer, startedAt, expiresAt } = await open(row);
        shown.push({
          ...{ call_id: callId, model, request: request.content, answer: answer?.content ?? null },
          ...{ started_at: startedAt, expires_at: expiresAt },
        });
      }
      return shown;
    },
    /** Removes what is kept of a person's calls. A repeat is safe. */
    async removeOf(tx: Tx, { userId }: { readonly userId: string }): Promise<void> {
      log.forgetPerson(userId);
      await bodyStore.removeOf(tx, userId);
    },
  };
}

function placeIn(cursor: string | undefined): readonly [Date, string] | undefined {
  const [startedMs, callId] = decodeCursor(cursor, 2) ?? [];
  if (startedMs === undefined || callId === undefined) return undefined;
  if (/^\d{1,15}$/.test(startedMs)) return [new Date(Number(startedMs)), callId];
  throw new Failure(kitFailures.invalid_request, {
    field: "cursor",
    reason: "is not a cursor of this list; leave it out to start at the first page",
    reason_zh_CN: "不是此列表的游标，省略即可从第一页开始",
  });
}

export type RequestBodies = ReturnType<typeof createRequestBodies>;
