import type { Database } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { Finding } from "../guardrails/findings.ts";
import type { MeaningLookup } from "../meaning/meaning-lookup.ts";
import type { ChoiceBody } from "./choice-body.ts";

/** What was looked up of a call among questions that are alike. */
export interface SemanticLookup {
  /** The call by which its question became a vector. */
  readonly embeddingCallId: string;
  readonly minSimilarity: number;
  /** Of the nearest that had been answered; undefined where there was none, or no vector. */
  readonly similarity: number | undefined;
}

/** What is kept of a call: how it was chosen where it goes, or what an answer from the cache has saved; and what was found in it. */
export interface ChoiceRecord {
  readonly tenantId: string;
  readonly callId: string;
  readonly routing?: ChoiceBody;
  /** Nano-units, in digits. */
  readonly cacheSavedNanos?: string;
  /** What guardrails have found in it, without the text; absent for nothing. */
  readonly findings?: readonly Finding[] | undefined;
  readonly lookup?: SemanticLookup | undefined;
  /** How it was compared with examples of its route; absent for none. */
  readonly meanings?: readonly MeaningLookup[] | undefined;
  /** The call that a guardrail has asked a model about, or that vectors were made for; absent for every other. */
  readonly partOf?: string | undefined;
  /** The call by which it was mirrored, and of a mirror the call that it is of. */
  readonly mirrorCallId?: string | undefined;
  readonly mirrorOf?: string | undefined;
  /** Of its tenant's that it began with; absent for none. */
  readonly prompt?: { readonly name: string; readonly version: number } | undefined;
}

/** By what a call was made; empty texts and null for none. */
export interface CallOrigin {
  readonly route: string;
  readonly routeVersion: number | null;
  readonly prompt: string;
  readonly promptVersion: number | null;
}

/** Of what is known of a call; undefined for one of neither a route nor a prompt. */
export function originOf({ routing, prompt }: Pick<ChoiceRecord, "routing" | "prompt">): CallOrigin | undefined {
  const isRouted = Boolean(routing?.strategy);
  if (!isRouted && !prompt) return undefined;
  return {
    route: (isRouted && routing?.model) || "",
    routeVersion: (isRouted && routing?.route_version) || null,
    prompt: prompt?.name ?? "",
    promptVersion: prompt?.version ?? null,
  };
}

/** What there is to say of a call besides where it went. */
export type NotedCall = Pick<
  ChoiceRecord,
  "findings" | "lookup" | "meanings" | "partOf" | "mirrorCallId" | "mirrorOf" | "prompt"
>;

/** The SQL of choices. One method, one statement. */
export function createChoiceStore(db: Database) {
  const { sql } = db;
  return {
    /** One that is there already stays as it is. */
    async add(records: readonly ChoiceRecord[], expiresAt: Date): Promise<void> {
      const texts = records.map(({ tenantId: _tenant, callId: _call, ...record }) => JSON.stringify(record));
      await sql`
        insert into choice (call_id, tenant_id, record, expires_at)
        select call_id, tenant_id, record::json, ${expiresAt}
        from unnest(${records.map(({ callId }) => callId)}::text[], ${records.map(({ tenantId }) => tenantId)}::text[],
          ${texts}::text[]) as given (call_id, tenant_id, record)
        on conflict (call_id) do nothing`;
    },

    async find(tenantId: string, callId: string): Promise<Omit<ChoiceRecord, "tenantId" | "callId"> | undefined> {
      const [row] = await sql<{ record: Omit<ChoiceRecord, "tenantId" | "callId"> }[]>`
        select record from choice where call_id = ${callId} and tenant_id = ${tenantId}`;
      return row?.record;
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "choice", { now, limit }),

    /** One that is there already stays as it is. */
    async addOrigins(
      origins: readonly (CallOrigin & Pick<ChoiceRecord, "tenantId" | "callId">)[],
      expiresAt: Date,
    ): Promise<void> {
      await sql`
        insert into call_origin (call_id, tenant_id, route, route_version, prompt, prompt_version, expires_at)
        select call_id, tenant_id, route, route_version, prompt, prompt_version, ${expiresAt}
        from json_to_recordset(${JSON.stringify(origins)}::text::json) as given ("callId" text, "tenantId" text, route text,
          "routeVersion" integer, prompt text, "promptVersion" integer),
        lateral (select "callId", "tenantId", "routeVersion", "promptVersion")
          as named (call_id, tenant_id, route_version, prompt_version)
        on conflict (call_id) do nothing`;
    },

    async findOrigin(tenantId: string, callId: string): Promise<CallOrigin | undefined> {
      const [row] = await sql<CallOrigin[]>`
        select route, route_version as "routeVersion", prompt, prompt_version as "promptVersion" from call_origin
        where call_id = ${callId} and tenant_id = ${tenantId}`;
      return row;
    },

    deleteExpiredOrigins: (now: Date, limit: number) => deleteExpired(db, "call_origin", { now, limit }),
  };
}

export type ChoiceStore = ReturnType<typeof createChoiceStore>;
