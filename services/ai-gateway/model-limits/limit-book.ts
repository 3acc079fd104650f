import { modelLimitChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { createNewestRead } from "../newest-read.ts";
import type { ModelLimit, ModelLimitSpec } from "./model-limit.ts";
import type { ModelLimitStore, StoredLimit } from "./model-limit-store.ts";
import type { ModelLimits } from "./model-limits.ts";

/** Section `modelLimits` of the configuration. */
export interface ModelLimitSettings {
  readonly processes: number;
  readonly limits: readonly ModelLimitSpec[];
}

/** The limits that are in force: the operator's file's, and those that were set by call. */
export interface LimitBook {
  /** By name. Throws `kit.invalid_request` for a cursor that is none. */
  list(page: PageRequest): Page<ModelLimit>;
  /** Throws `limit_not_found`. */
  get(name: string): ModelLimit;
  /**
   * Makes a limit, or puts this in its place: it counts on every node within two seconds, from nothing. A repeat makes another version of
   * the same. Throws `limit_configured`, `limit_version_mismatch` and `too_many_limits`.
   */
  put(spec: ModelLimitSpec, expectedVersion: number | undefined): Promise<ModelLimit>;
  /** Throws `limit_not_found` and `limit_configured`. */
  remove(name: string): Promise<void>;
  /** `configure` and `load`. */
  start(settings: ModelLimitSettings): Promise<void>;
  /** Reads those that were set by call anew. */
  load(): Promise<void>;
  /** What the operator's file says now. */
  configure(settings: ModelLimitSettings): void;
}

const maxLimits = 500;

export interface LimitBookDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly store: ModelLimitStore;
  readonly limits: ModelLimits;
}

export function createLimitBook({ db, outbox, clock, store, limits }: LimitBookDeps): LimitBook {
  let configured: readonly ModelLimit[] = [];
  let stored: readonly ModelLimit[] = [];
  let processes = 1;
  const newest = createNewestRead();

  /** One of the file stands before one of its name that was set by call. */
  function listAll(): readonly ModelLimit[] {
    const names = new Set(configured.map(({ name }) => name));
    const all = [...configured, ...stored.filter(({ name }) => !names.has(name))];
    return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  function get(name: string): ModelLimit {
    const limit = listAll().find((it) => it.name === name);
    if (!limit) throw new Failure(aiGatewayFailures.limit_not_found, { name });
    return limit;
  }

  function refuseConfigured(name: string): void {
    if (configured.some((it) => it.name === name)) throw new Failure(aiGatewayFailures.limit_configured, { name });
  }

  const load = () =>
    newest(store.listLimits, (rows) => {
      stored = rows.map(toLimit);
      limits.update(listAll(), processes);
    });

  function configure(settings: ModelLimitSettings): void {
    const before = new Map(configured.map((limit) => [JSON.stringify(toSpec(limit)), limit]));
    const updatedAt = new Date(clock.nowMs());
    configured = settings.limits.map(
      (spec) => before.get(JSON.stringify(spec)) ?? { ...spec, source: "config" as const, version: 1, updatedAt },
    );
    processes = settings.processes;
    limits.update(listAll(), processes);
  }

  const tell = (tx: Parameters<Outbox["append"]>[0], name: string) =>
    outbox.append(tx, modelLimitChanged, { name, actorId: currentActorId() });

  return {
    list({ limit, cursor }) {
      const [after = ""] = decodeCursor(cursor, 1) ?? [];
      const rows = listAll().filter(({ name }) => name > after);
      return toPage(rows, limit, ({ name }) => [name]);
    },
    get,
    async put({ name, ...spec }, expectedVersion) {
      refuseConfigured(name);
      const put = await db.transaction(async (tx) => {
        const known = await store.lockLimits(tx);
        const current = known.find((it) => it.name === name)?.version ?? 0;
        if (expectedVersion !== undefined && expectedVersion !== current) {
          throw new Failure(aiGatewayFailures.limit_version_mismatch, { current, expected: expectedVersion });
        }
        if (current === 0 && known.length >= maxLimits) {
          throw new Failure(aiGatewayFailures.too_many_limits, { limit: maxLimits });
        }
        const changed = { name, spec, version: current + 1, updatedAt: new Date(clock.nowMs()) };
        await store.putLimit(tx, changed);
        await tell(tx, name);
        return toLimit(changed);
      });
      await load();
      return put;
    },
    async remove(name) {
      refuseConfigured(name);
      await db.transaction(async (tx) => {
        const known = await store.lockLimits(tx);
        if (!known.some((it) => it.name === name)) throw new Failure(aiGatewayFailures.limit_not_found, { name });
        await store.deleteLimit(tx, name);
        await store.deleteTold(tx, name);
        await tell(tx, name);
      });
      await load();
    },
    start(settings) {
      configure(settings);
      return load();
    },
    load,
    configure,
  };
}

function toLimit({ name, spec, version, updatedAt }: StoredLimit): ModelLimit {
  return { name, ...spec, source: "api", version, updatedAt };
}

function toSpec({ source: _source, version: _version, updatedAt: _updatedAt, ...spec }: ModelLimit): ModelLimitSpec {
  return spec;
}
