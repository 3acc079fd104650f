import { exportChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type AddressGuard, createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import { Counter, Gauge, type Registry } from "prom-client";
import { refuseField } from "../call/refuse-field.ts";
import { type Export, type ExportName, type ExportProblem, type ExportSpec, needsSecret, placeOf } from "./export.ts";
import { ExportError, toExportError } from "./export-error.ts";
import { createExportStore, type DueExport, type ExportStore } from "./export-store.ts";
import { type ExportRunDeps, runExports } from "./run-exports.ts";
import { sendBatch } from "./sender.ts";
import { testRecord } from "./test-record.ts";

/** How a test went. */
export interface ExportTest {
  readonly problem: ExportProblem | undefined;
  readonly latencyMs: number;
}

export interface ExportsDeps extends Omit<ExportRunDeps, "exportStore" | "fetchOf" | "openSecret" | "note"> {
  readonly metrics: Registry;
  /** 32 bytes: secrets are sealed with it. */
  readonly key: Buffer;
}

const maxExports = 20;
const sendLimitMs = 30_000;
const maxAnswerBytes = 65_536;
const runEveryMs = 1_000;

/** Where records of calls are sent, and how far that has come (docs/adr/0106). */
export function createExports(deps: ExportsDeps) {
  const { db, outbox, clock, random, key, metrics } = deps;
  const store = createExportStore(db);
  const guard = createAddressGuard();
  const open = { clock, timeoutMs: sendLimitMs, maxBytes: maxAnswerBytes };
  const guarded = createGuardedFetch({ ...open, guard });
  const unguarded = createGuardedFetch({ ...open, guard: undefined });
  const fetchOf = (tenantId: string) => (tenantId === "" ? unguarded : guarded);
  const note = countRecords(metrics);
  registerLag(metrics, () => store.lags(new Date(clock.nowMs())));

  const bindingOf = ({ tenantId, name }: ExportName, spec: ExportSpec) =>
    JSON.stringify([tenantId, name, placeOf(spec)]);

  function openSecret(row: DueExport): string | undefined {
    if (row.sealedSecret === null) return undefined;
    const secret = unseal(key, row.sealedSecret, bindingOf(row, row.spec));
    if (!secret) throw new ExportError({ reason: "secret_unreadable" }, { isPermanent: true });
    return secret.toString("utf8");
  }

  const notFound = (name: string) => new Failure(recordFailures.export_not_found, { name });

  async function find(named: ExportName): Promise<DueExport> {
    const found = await store.find(named);
    if (!found) throw notFound(named.name);
    return found;
  }

  const say = (tx: Tx, { tenantId, name }: ExportName, change: string) =>
    outbox.append(tx, exportChanged, { tenantId, name, change, actorId: currentActorId() });

  async function setState(named: ExportName, state: "active" | "paused"): Promise<Export> {
    await db.transaction(async (tx) => {
      const { count } = await store.setState(tx, named, state, new Date(clock.nowMs()));
      if (count === 0) throw notFound(named.name);
      await say(tx, named, state === "active" ? "resumed" : "paused");
    });
    return find(named);
  }

  const run: ExportRunDeps = { ...deps, exportStore: store, fetchOf, openSecret, note };
  const jobs: readonly Job[] = [
    { name: "export-records", everyMs: runEveryMs, run: (signal) => runExports(run, signal) },
  ];

  return {
    jobs,
    /** By name. Throws `kit.invalid_request` for a cursor that is none. */
    async list({ tenantId, limit, cursor }: PageRequest & { readonly tenantId: string }): Promise<Page<Export>> {
      const [after = ""] = decodeCursor(cursor, 1) ?? [];
      return toPage(await store.list(tenantId, after, limit + 1), limit, ({ name }) => [name]);
    },
    /** Throws `export_not_found`. */
    get: (named: ExportName): Promise<Export> => find(named),
    /**
     * Makes an export of what is recorded from now on, or puts this in its place; it goes on from where it was. A secret that is not given
     * stays, if it goes where it went. Throws `invalid_request`, `export_version_mismatch` and `too_many_exports`.
     */
    async put(
      given: ExportName & { spec: ExportSpec; secret: string | undefined; expectedVersion: number | undefined },
    ): Promise<Export> {
      const { tenantId, name, spec, secret, expectedVersion } = given;
      checkPlace(guard, tenantId, spec);
      await db.transaction(async (tx) => {
        const known = await store.lockAll(tx, tenantId);
        const before = known.find((it) => it.name === name);
        const current = before?.version ?? 0;
        if (expectedVersion !== undefined && expectedVersion !== current) {
          throw new Failure(recordFailures.export_version_mismatch, { current, expected: expectedVersion });
        }
        if (!before && known.length >= maxExports) {
          throw new Failure(recordFailures.too_many_exports, { limit: maxExports });
        }
        const stays = before && placeOf(before.spec) === placeOf(spec) ? before.sealedSecret : null;
        const sealedSecret =
          secret === undefined ? stays : seal(random, key, Buffer.from(secret), bindingOf({ tenantId, name }, spec));
        if (!sealedSecret && needsSecret(spec)) throw refuseField("secret", "is missing", "缺失");
        await store.put(tx, { tenantId, name, spec, sealedSecret, version: current + 1, now: new Date(clock.nowMs()) });
        await say(tx, given, "put");
      });
      return find(given);
    },
    /** What was not sent by now is not. Throws `export_not_found`. */
    async remove(named: ExportName): Promise<void> {
      await db.transaction(async (tx) => {
        const { count } = await store.remove(tx, named);
        if (count === 0) throw notFound(named.name);
        await say(tx, named, "removed");
      });
    },
    /** Nothing is sent until it is resumed, and nothing is left out then. Throws `export_not_found`. */
    pause: (named: ExportName) => setState(named, "paused"),
    /** Goes on from where it was; one whose place is lost from what is recorded now. Throws `export_not_found`. */
    resume: (named: ExportName) => setState(named, "active"),
    /** Sends a record of a call that never was, which says so. Throws `export_not_found`. */
    async test(named: ExportName): Promise<ExportTest> {
      const row = await find(named);
      const startedMs = clock.monotonicMs();
      const latencyMs = () => Math.round(clock.monotonicMs() - startedMs);
      const records = [testRecord(row.tenantId, new Date(clock.nowMs()).toISOString())];
      try {
        const batch = { records, name: `${row.name}-test` };
        await sendBatch({ fetch: fetchOf(row.tenantId), clock }, row.spec, openSecret(row), batch);
        return { problem: undefined, latencyMs: latencyMs() };
      } catch (err) {
        deps.log.warn({ err, export: row.name }, "a test of an export has failed");
        return { problem: toExportError(err).problem, latencyMs: latencyMs() };
      }
    },
  };
}

/** A tenant's addresses are https and public, here by name and again when they are connected to. Throws `invalid_request`. */
function checkPlace(guard: AddressGuard, tenantId: string, spec: ExportSpec): void {
  if (tenantId === "") {
    if (spec.bodies) throw refuseField("bodies", "is for exports of a tenant", "仅适用于租户的导出");
    return;
  }
  if (spec.kind === "kafka") {
    throw refuseField("kind", "'kafka' is for exports of the platform", "“kafka”仅适用于平台的导出");
  }
  const [field, address] = spec.kind === "s3" ? ["endpoint", spec.endpoint] : ["url", spec.url];
  const refusal = guard.refuse(new URL(address));
  if (refusal) throw refuseField(field, refusal.en_US, refusal.zh_CN);
}

function countRecords(metrics: Registry): ExportRunDeps["note"] {
  const records = new Counter({
    name: "llm_export_records_total",
    help: "Records of calls that were sent to exports, or refused there one by one.",
    labelNames: ["kind", "result"],
    registers: [metrics],
  });
  const failures = new Counter({
    name: "llm_export_failures_total",
    help: "Batches of records that were not taken.",
    labelNames: ["kind"],
    registers: [metrics],
  });
  return (kind, result, count) => {
    if (result === "failed") failures.inc({ kind });
    else if (count > 0) records.inc({ kind, result }, count);
  };
}

type Lag = Awaited<ReturnType<ExportStore["lags"]>>[number];

function registerLag(metrics: Registry, read: () => Promise<readonly Lag[]>): void {
  const gauge = (name: string, help: string, figureOf: (lag: Lag) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ["kind"], registers: [metrics] },
      async collect() {
        this.reset();
        // Without a database there is nothing to say.
        for (const lag of await read().catch(() => [])) this.set({ kind: lag.kind }, figureOf(lag));
      },
    });
  gauge(
    "llm_export_lag_seconds",
    "How long the oldest record that is to be sent has waited, of the export that is furthest behind.",
    ({ lagSeconds }) => lagSeconds,
  );
  gauge("llm_exports_failed", "Exports that have stopped until somebody resumes them.", ({ failed }) => failed);
}

export type Exports = ReturnType<typeof createExports>;
