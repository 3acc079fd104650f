import { callDefaultsChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { createNewestRead } from "../newest-read.ts";
import type { CallDefaults, CallDefaultsKey, CallDefaultsSpec } from "./call-defaults.ts";
import type { CallDefaultsStore } from "./call-defaults-store.ts";
import type { Parameters } from "./parameters.ts";

/** What calls mean and say where they do not say it themselves. Those of a call's key go before those of its tenant. */
export interface DefaultsBook {
  /** The model that a caller means by a name: the name itself unless it is an alias. A look-up or two. */
  modelOf(caller: CallDefaultsKey, name: string): string;
  /** A caller's aliases, and what each means. */
  aliasesOf(caller: CallDefaultsKey): Readonly<Record<string, string>>;
  /** Undefined where nothing is said. */
  parametersOf(caller: CallDefaultsKey): Parameters | undefined;
  list(tenantId: string, page: PageRequest): Page<CallDefaults>;
  /** Throws `call_defaults_not_found`. */
  get(key: CallDefaultsKey): CallDefaults;
  /** It counts on every node within two seconds. Throws `call_defaults_version_mismatch` and `too_many_call_defaults`. */
  put(key: CallDefaultsKey, spec: CallDefaultsSpec, expectedVersion: number | undefined): Promise<CallDefaults>;
  /** Throws `call_defaults_not_found`. */
  remove(key: CallDefaultsKey): Promise<void>;
  /** Reads all anew. */
  load(): Promise<void>;
}

export const maxCallDefaults = 1_000;

interface Said {
  readonly aliases: Readonly<Record<string, string>>;
  readonly parameters: Parameters | undefined;
}

/** What is said for a tenant, ready for calls. */
interface TenantDefaults {
  readonly rows: readonly CallDefaults[];
  readonly forAll: Said | undefined;
  /** With what is said for all of the tenant's beneath. */
  readonly byKey: ReadonlyMap<string, Said>;
}

export function createDefaultsBook(deps: {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly store: CallDefaultsStore;
}): DefaultsBook {
  const { db, outbox, clock, store } = deps;
  let byTenant: ReadonlyMap<string, TenantDefaults> = new Map();
  const newest = createNewestRead();

  function find({ tenantId, keyId }: CallDefaultsKey): Said | undefined {
    if (byTenant.size === 0) return undefined;
    const said = byTenant.get(tenantId);
    return said?.byKey.get(keyId) ?? said?.forAll;
  }

  const load = () =>
    newest(store.listAll, (all) => {
      const rows = Map.groupBy(all, ({ tenantId }) => tenantId);
      byTenant = new Map([...rows].map(([tenantId, own]) => [tenantId, toTenantDefaults(own)]));
    });

  return {
    modelOf(caller, name) {
      const aliases = find(caller)?.aliases;
      return aliases && Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
    },
    aliasesOf: (caller) => find(caller)?.aliases ?? {},
    parametersOf: (caller) => find(caller)?.parameters,
    list(tenantId, { limit, cursor }) {
      const [after] = decodeCursor(cursor, 1) ?? [];
      const rows = byTenant.get(tenantId)?.rows ?? [];
      return toPage(after === undefined ? rows : rows.filter(({ keyId }) => keyId > after), limit, ({ keyId }) => [
        keyId,
      ]);
    },
    get({ tenantId, keyId }) {
      const found = byTenant.get(tenantId)?.rows.find((row) => row.keyId === keyId);
      if (!found) throw new Failure(aiGatewayFailures.call_defaults_not_found);
      return found;
    },
    async put({ tenantId, keyId }, spec, expectedVersion) {
      const put = await db.transaction(async (tx) => {
        const rows = await store.lockAll(tx, tenantId);
        const current = rows.find((row) => row.keyId === keyId)?.version ?? 0;
        if (expectedVersion !== undefined && expectedVersion !== current) {
          const details = { current, expected: expectedVersion };
          throw new Failure(aiGatewayFailures.call_defaults_version_mismatch, details);
        }
        if (current === 0 && rows.length >= maxCallDefaults) {
          throw new Failure(aiGatewayFailures.too_many_call_defaults, { limit: maxCallDefaults });
        }
        const changed = { tenantId, keyId, ...spec, version: current + 1, updatedAt: new Date(clock.nowMs()) };
        await store.put(tx, changed);
        await outbox.append(tx, callDefaultsChanged, { tenantId, keyId, actorId: currentActorId() });
        return changed;
      });
      await load();
      return put;
    },
    async remove(key) {
      const { tenantId, keyId } = key;
      await db.transaction(async (tx) => {
        const rows = await store.lockAll(tx, tenantId);
        if (!rows.some((row) => row.keyId === keyId)) throw new Failure(aiGatewayFailures.call_defaults_not_found);
        await store.delete(tx, key);
        await outbox.append(tx, callDefaultsChanged, { tenantId, keyId, actorId: currentActorId() });
      });
      await load();
    },
    load,
  };
}

function toTenantDefaults(rows: readonly CallDefaults[]): TenantDefaults {
  const all = rows.find(({ keyId }) => keyId === "");
  const toSaid = (own: Partial<CallDefaultsSpec>): Said => {
    const parameters = { ...all?.parameters, ...own.parameters };
    return {
      aliases: { ...all?.aliases, ...own.aliases },
      parameters: Object.keys(parameters).length > 0 ? parameters : undefined,
    };
  };
  const keyed = rows.filter(({ keyId }) => keyId !== "");
  return { rows, forAll: all && toSaid({}), byKey: new Map(keyed.map((row) => [row.keyId, toSaid(row)])) };
}
