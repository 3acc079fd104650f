import { createHmac } from "node:crypto";
import { guardrailChanged, guardrailFound } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { type TagsText, toTagRecord } from "@lyss/contracts/usage/tags.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import { createNewestRead } from "../newest-read.ts";
import { compileRule, type Rule } from "./compile-rule.ts";
import type { Finding } from "./findings.ts";
import type { Guardrail, GuardrailName } from "./guardrail.ts";
import { createGuardrailStore } from "./guardrail-store.ts";
import type { Judge } from "./judge.ts";

/** The call that something was found in. */
export interface FoundIn {
  readonly callId: string;
  readonly requestId: string;
  readonly caller: Pick<Caller, "tenantId" | "keyId">;
  readonly askedCall: { readonly model: string };
}

/** The rules that calls are looked at by, and what they find. */
export interface Guardrails {
  readonly clock: Clock;
  /** Asks for rules that do not look themselves. */
  readonly judge: Judge;
  /** True where a rule that is enabled may be for calls of the caller's: a few look-ups. */
  isWanted(caller: Pick<Caller, "tenantId" | "keyId">): boolean;
  /** Those for one call, by any name that its model has: the platform's, then the tenant's own, by name. */
  rulesFor(caller: Pick<Caller, "tenantId" | "keyId">, models: readonly string[], tags: TagsText): readonly Rule[];
  /** All that are in force for a tenant, for trying them. */
  rulesOf(tenantId: string): readonly Rule[];
  /** For the placeholders of a tenant. */
  keyOf(tenantId: string): Buffer;
  /** Counts what was found and says so in an event, without waiting for it. Gives it back. */
  tell(call: FoundIn, found: readonly Finding[]): readonly Finding[];
  /** By name. Throws `kit.invalid_request` for a cursor that is none. */
  list(page: PageRequest & { readonly tenantId: string }): Page<Guardrail>;
  find(name: GuardrailName): Guardrail | undefined;
  /** Throws `guardrail_not_found`. */
  get(name: GuardrailName): Guardrail;
  /**
   * Makes a guardrail, or puts this in its place: it counts on every node within two seconds. A repeat makes another version of the same.
   * Throws `guardrail_version_mismatch` and `too_many_guardrails`.
   */
  put(
    given: Pick<Guardrail, "tenantId" | "name" | "spec" | "credentialId"> & { expectedVersion: number | undefined },
  ): Promise<Guardrail>;
  /** Throws `guardrail_not_found`. */
  remove(name: GuardrailName): Promise<void>;
  /** Reads all anew. */
  load(): Promise<void>;
}

export interface GuardrailsDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  /** 32 bytes. */
  readonly key: Buffer;
  readonly judge: Judge;
}

/** Whose tenant is empty: the platform's, for all. */
const ofPlatform = "";
const maxGuardrails = 100;

export function createGuardrails({ db, outbox, clock, log, metrics, key, judge }: GuardrailsDeps): Guardrails {
  const store = createGuardrailStore(db.sql);
  let byTenant: ReadonlyMap<string, readonly Rule[]> = new Map();
  const newest = createNewestRead();
  let reachOf: ReadonlyMap<string, Reach> = new Map();
  const counter = new Counter({
    name: "llm_guardrail_findings_total",
    help: "What guardrails have found in calls, by kind, side and what became of it.",
    labelNames: ["kind", "side", "action"],
    registers: [metrics],
  });

  const ownOf = (tenantId: string): readonly Rule[] => byTenant.get(tenantId) ?? [];
  const rulesOf = (tenantId: string) => [...ownOf(ofPlatform), ...ownOf(tenantId)];

  const find = ({ tenantId, name }: GuardrailName) =>
    ownOf(tenantId).find(({ guardrail }) => guardrail.name === name)?.guardrail;

  /** A rule that is as it was is not made ready again. */
  const load = () =>
    newest(store.listGuardrails, (stored) => {
      const before = new Map([...byTenant.values()].flat().map((rule) => [idOf(rule.guardrail), rule]));
      const rules = stored.map((it) => before.get(idOf(it)) ?? compileRule(it));
      byTenant = Map.groupBy(rules, ({ guardrail }) => guardrail.tenantId);
      const enabled = rules.filter(({ guardrail: { spec } }) => spec.enabled);
      const byReach = Map.groupBy(enabled, ({ guardrail }) => guardrail.tenantId);
      reachOf = new Map([...byReach].map(([tenantId, own]) => [tenantId, toReach(own)]));
    });

  const say = (tx: Tx, { tenantId, name }: GuardrailName, version: number) =>
    outbox.append(tx, guardrailChanged, { tenantId, name, version, actorId: currentActorId() });

  async function sayFound(call: FoundIn, found: readonly Finding[]): Promise<void> {
    const { callId, requestId, caller, askedCall } = call;
    const { tenantId, keyId } = caller;
    const common = { tenantId, keyId, callId, requestId, model: askedCall.model };
    await db.transaction(async (tx) => {
      for (const { reason = "", ...finding } of found) {
        await outbox.append(tx, guardrailFound, { ...common, ...finding, reason });
      }
    });
  }

  return {
    ...{ clock, judge, find },
    isWanted({ tenantId, keyId }) {
      if (reachOf.size === 0) return false;
      return isWithin(reachOf.get(tenantId), keyId) || isWithin(reachOf.get(ofPlatform), keyId);
    },
    rulesFor(caller, models, tags) {
      if (byTenant.size === 0) return [];
      return rulesOf(caller.tenantId).filter(({ guardrail }) => isFor(guardrail, caller, models, tags));
    },
    rulesOf,
    keyOf: (tenantId) => createHmac("sha256", key).update(tenantId).digest(),
    tell(call, found) {
      for (const { kind, side, action, count } of found) counter.inc({ kind, side, action }, count);
      if (found.length > 0) {
        sayFound(call, found).catch((err: unknown) =>
          log.warn({ err, call_id: call.callId }, "what guardrails have found cannot be said in an event"),
        );
      }
      return found;
    },
    list({ tenantId, limit, cursor }) {
      const [after = ""] = decodeCursor(cursor, 1) ?? [];
      const rows = ownOf(tenantId).flatMap(({ guardrail }) => (guardrail.name > after ? [guardrail] : []));
      return toPage(rows.slice(0, limit + 1), limit, ({ name }) => [name]);
    },
    get(named) {
      const found = find(named);
      if (!found) throw new Failure(aiGatewayFailures.guardrail_not_found, { name: named.name });
      return found;
    },
    async put({ tenantId, name, spec, credentialId, expectedVersion }) {
      const put = await db.transaction(async (tx) => {
        const known = await store.lockGuardrails(tx, tenantId);
        const current = known.find((it) => it.name === name)?.version ?? 0;
        if (expectedVersion !== undefined && expectedVersion !== current) {
          throw new Failure(aiGatewayFailures.guardrail_version_mismatch, { current, expected: expectedVersion });
        }
        if (current === 0 && known.length >= maxGuardrails) {
          throw new Failure(aiGatewayFailures.too_many_guardrails, { limit: maxGuardrails });
        }
        const updatedAt = new Date(clock.nowMs());
        const changed = { tenantId, name, spec, credentialId, version: current + 1, updatedAt };
        await store.putGuardrail(tx, changed);
        await say(tx, changed, changed.version);
        return changed;
      });
      await load();
      return put;
    },
    async remove(named) {
      await db.transaction(async (tx) => {
        const known = await store.lockGuardrails(tx, named.tenantId);
        if (!known.some(({ name }) => name === named.name)) {
          throw new Failure(aiGatewayFailures.guardrail_not_found, { name: named.name });
        }
        await store.deleteGuardrail(tx, named);
        await say(tx, named, 0);
      });
      await load();
    },
    load,
  };
}

/** Whose calls the rules of a tenant can be for. */
interface Reach {
  readonly isForAll: boolean;
  readonly keys: ReadonlySet<string>;
}

function toReach(rules: readonly Rule[]): Reach {
  const keys = rules.map(({ guardrail: { spec } }) => spec.keys);
  return { isForAll: keys.some(({ length }) => length === 0), keys: new Set(keys.flat()) };
}

function isWithin(reach: Reach | undefined, keyId: string): boolean {
  return reach !== undefined && (reach.isForAll || reach.keys.has(keyId));
}

/** Another that was made under a name that was free again has another time. */
function idOf({ tenantId, name, version, updatedAt }: Guardrail): string {
  return `${tenantId} ${name} ${version} ${updatedAt.getTime()}`;
}

function isFor(
  { spec }: Guardrail,
  { keyId }: Pick<Caller, "keyId">,
  models: readonly string[],
  tags: TagsText,
): boolean {
  if (!spec.enabled) return false;
  const isMeant = (it: string) =>
    models.some((name) => (it.endsWith("*") ? name.startsWith(it.slice(0, -1)) : name === it));
  if (spec.models.length > 0 && !spec.models.some(isMeant)) return false;
  if (spec.keys.length > 0 && !spec.keys.includes(keyId)) return false;
  const given = toTagRecord(tags);
  return Object.entries(spec.tags).every(([name, value]) => given[name] === value);
}
