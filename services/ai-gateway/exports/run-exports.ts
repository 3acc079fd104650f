import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { exportFailed } from "@lyss/contracts/events/ai-gateway.ts";
import type { BillingService, FollowedUsage } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { createRetry } from "@lyss/kit/resilience/retry.ts";
import { createRetryBudget } from "@lyss/kit/resilience/retry-budget.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { ExportSpec } from "./export.ts";
import { ExportError, toExportError } from "./export-error.ts";
import type { ExportedRecord } from "./export-record.ts";
import { toExportedRecord } from "./export-record.ts";
import type { DueExport, ExportStore } from "./export-store.ts";
import { sendBatch } from "./sender.ts";

/** What was said in calls of a tenant, by their ids; of those of which nothing is kept there is nothing. */
export type FindBodies = (
  tenantId: string,
  callIds: readonly string[],
) => Promise<ReadonlyMap<string, { readonly request: unknown; readonly answer: unknown }>>;

export interface ExportRunDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly exportStore: ExportStore;
  readonly billing: Pick<Client<typeof BillingService>, "followUsage">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What this process is called among all. */
  readonly by: string;
  /** For exports of tenants, whose addresses have to be public, and for those of the platform. */
  readonly fetchOf: (tenantId: string) => GuardedFetch;
  /** Throws an ExportError where it does not open. */
  readonly openSecret: (row: DueExport) => string | undefined;
  readonly findBodies: FindBodies;
  readonly note: (kind: ExportSpec["kind"], result: "sent" | "rejected" | "failed", records: number) => void;
}

/** So long nobody else takes an export: three tries of a batch and what is asked before them take less. */
const leaseMs = 180_000;
const exportsAtOnce = 4;
/** Of one turn: others have theirs then. */
const batchesAtOnce = 20;
const maxBatchBytes = 4_194_304;
const idleMs = 1_000;
/** What is said in a call is written a second after its record. */
const bodiesAfterMs = 5_000;
const backOff = { firstMs: 2_000, mostMs: 600_000 };
/** So often in a row the other side may say that we are wrong before an export stops. */
const permanentFailures = 5;

/** Sends what is due, of those exports that no other process is at work on. Never rejects by what one of them does. */
export async function runExports(deps: ExportRunDeps, signal: AbortSignal): Promise<void> {
  const { exportStore, clock, by, log } = deps;
  const now = clock.nowMs();
  const given = { by, now: new Date(now), until: new Date(now + leaseMs), limit: exportsAtOnce };
  const due = await exportStore.claimDue(given);
  await Promise.all(
    due.map((row) =>
      runOne(deps, row, signal).catch((err: unknown) => log.error({ err, export: row.name }, "an export has stopped")),
    ),
  );
}

async function runOne(deps: ExportRunDeps, row: DueExport, signal: AbortSignal): Promise<void> {
  const { exportStore, clock, by } = deps;
  let { place } = row;
  let waitingSince: Date | null = null;
  try {
    for (let n = 0; n < batchesAtOnce && !signal.aborted; n++) {
      const step = await nextStep(deps, row, place);
      if (step.records.length === 0) {
        ({ place, waitingSince } = step);
        if (step.isMore) continue;
        await exportStore.release(row, by, { place, runAt: step.runAt, waitingSince });
        return;
      }
      waitingSince = new Date(step.records[0]?.created_at ?? clock.nowMs());
      const rejected = await send(deps, row, step.records, signal);
      const sent = { ...toSent(deps, step.place), records: step.records.length, rejected };
      deps.note(row.spec.kind, "sent", sent.records - rejected);
      deps.note(row.spec.kind, "rejected", rejected);
      // Changed, paused or removed meanwhile, or somebody else's: they begin where this is not noted.
      if (!(await exportStore.noteSent(row, by, sent))) return;
      place = step.place;
      waitingSince = null;
    }
    await exportStore.release(row, by, { place, runAt: new Date(clock.nowMs()), waitingSince });
  } catch (err) {
    await noteFailed(deps, row, toExportError(err), waitingSince);
  }
}

function toSent({ clock }: ExportRunDeps, place: string) {
  const sentAt = new Date(clock.nowMs());
  return { place, rejected: 0, sentAt, leasedUntil: new Date(sentAt.getTime() + leaseMs) };
}

/** What is to be sent now, and where to go on then; without records, when to look again. */
interface Step {
  readonly records: readonly ExportedRecord[];
  readonly place: string;
  readonly isMore: boolean;
  readonly runAt: Date;
  readonly waitingSince: Date | null;
}

async function nextStep(deps: ExportRunDeps, { tenantId, spec }: DueExport, place: string): Promise<Step> {
  const { clock } = deps;
  const limit = spec.max_records;
  const { records: followed, next, isEnd } = await follow(deps, { tenantId, limit, after: place });
  const nowMs = clock.nowMs();
  const idle = { records: [], isMore: !isEnd, runAt: new Date(nowMs + idleMs), waitingSince: null };
  const ripe = spec.bodies ? takeWhile(followed, (it) => recordedMs(it) <= nowMs - bodiesAfterMs) : followed;
  const [first] = followed;
  if (!first) return { ...idle, place: next };
  const waitingSince = new Date(recordedMs(first));
  const batch = await toBatch(deps, spec, tenantId, ripe);
  const isDue = nowMs - waitingSince.getTime() >= 1_000 * spec.max_age_seconds;
  if (batch.length === 0 || (batch.length < limit && batch.length === followed.length && !isDue)) {
    return { ...idle, place, isMore: false, waitingSince };
  }
  const last = followed[batch.length - 1];
  return { ...idle, records: batch, place: last?.place ?? place, waitingSince };
}

async function follow({ billing }: ExportRunDeps, asked: { tenantId: string; limit: number; after: string }) {
  try {
    return await billing.followUsage(asked);
  } catch (err) {
    // The database was put back to an earlier state: what is recorded now is behind the place.
    if (asked.after !== "" && isFailure(err, kitFailures.invalid_request)) {
      throw new ExportError({ reason: "place_lost" }, { isPermanent: true, cause: err });
    }
    throw err;
  }
}

function recordedMs({ record }: FollowedUsage): number {
  return record?.createdAt ? timestampMs(record.createdAt) : 0;
}

function takeWhile<Item>(items: readonly Item[], isTaken: (item: Item) => boolean): readonly Item[] {
  const end = items.findIndex((item) => !isTaken(item));
  return end === -1 ? items : items.slice(0, end);
}

/** As many as go together. */
async function toBatch(
  { findBodies }: ExportRunDeps,
  spec: ExportSpec,
  tenantId: string,
  followed: readonly FollowedUsage[],
): Promise<readonly ExportedRecord[]> {
  const plain = followed.map(toExportedRecord);
  const bodies =
    spec.bodies && tenantId !== "" && plain.length > 0
      ? await findBodies(
          tenantId,
          plain.map(({ id }) => id),
        )
      : undefined;
  const records: ExportedRecord[] = [];
  let bytes = 0;
  for (const record of plain) {
    const whole = { ...record, ...bodies?.get(record.id) };
    bytes += bodies ? Buffer.byteLength(JSON.stringify(whole)) : 0;
    if (records.length > 0 && bytes > maxBatchBytes) break;
    records.push(whole);
  }
  return records;
}

/** Three times, a moment apart, what may be better then; longer waits are between the turns. */
function send(
  deps: ExportRunDeps,
  row: DueExport,
  records: readonly ExportedRecord[],
  signal: AbortSignal,
): Promise<number> {
  const { clock, random } = deps;
  const secret = deps.openSecret(row);
  const [first] = records;
  const batch = { records, name: `${row.name}-${first?.id}-${first?.attempt}` };
  const budget = createRetryBudget({ ratio: 0, reserve: 2, windowMs: leaseMs }, { clock });
  const condition = (err: unknown) => !toExportError(err).isPermanent;
  const options = { maxRetries: 2, baseDelayMs: 250, maxDelayMs: 2_000, factor: 4 };
  const retry = createRetry(options, { clock, random, budget, condition });
  const fetch = deps.fetchOf(row.tenantId);
  return retry.run(async () => (await sendBatch({ fetch, clock }, row.spec, secret, batch)).rejected, {
    isIdempotent: true,
    signal,
  });
}

async function noteFailed(
  deps: ExportRunDeps,
  row: DueExport,
  err: ExportError,
  waitingSince: Date | null,
): Promise<void> {
  const { db, outbox, exportStore, clock, by, log } = deps;
  const { tenantId, name } = row;
  const { problem, isPermanent } = err;
  const failures = row.failures + 1;
  const isLost = problem.reason === "place_lost" || problem.reason === "secret_unreadable";
  const state = isLost || (isPermanent && failures >= permanentFailures) ? "failed" : "active";
  const waitMs = Math.min(backOff.mostMs, backOff.firstMs * 2 ** Math.min(failures - 1, 20));
  const runAt = new Date(clock.nowMs() + waitMs);
  deps.note(row.spec.kind, "failed", 1);
  log.warn({ err, export: name, tenant_id: tenantId, state }, "records of calls are not taken");
  await db.transaction(async (tx) => {
    const { count } = await exportStore.noteFailed(tx, row, by, { problem, state, runAt, waitingSince });
    if (count > 0 && state === "failed") await outbox.append(tx, exportFailed, { tenantId, name, ...toTold(problem) });
  });
}

function toTold({ reason, status = 0, code = "" }: ExportError["problem"]) {
  return { reason, status, code };
}
