import { auditFailures } from "@lyss/contracts/failures/audit.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { entryBody, toEntryBody } from "./bodies.ts";
import { sendExport } from "./export-download.ts";
import { auditFields, type EntryFilter, platformChain } from "./model.ts";
import type { ChainVerdict } from "./ops/verify-audit-chain.ts";
import type { AuditOps } from "./ops.ts";

const { json, raw } = routesFor<AuditOps>();

const time = z.iso.datetime({ offset: true });
const filterFields = {
  act: z
    .preprocess((given) => (typeof given === "string" ? [given] : given), z.array(auditFields.act).max(50))
    .optional()
    .describe("Only these; 'key.*' for all that begin so. May be repeated."),
  actor_id: auditFields.id.optional().describe("Who did it."),
  subject_id: auditFields.id.optional().describe("What it was done to."),
  address: auditFields.address.optional().describe("Where the actor's connection came from."),
  from: time.optional().describe("Happened at this time or later."),
  before: time.optional(),
  q: auditFields.text.optional().describe("A part of act, actor, subject or details, in whatever case."),
};
const tenantField = { tenant_id: auditFields.id.optional().describe("Of one tenant, or 'platform'; default: all.") };
const format = z.enum(["jsonl", "csv"]).default("jsonl");
const params = z.strictObject({ id: z.string().min(1).max(64) });
const afterField = {
  after: auditFields.sequence
    .default(0)
    .describe("Only entries after this number; at most 100,000 are checked at a time."),
};

const verdict = z.strictObject({
  object: z.literal("audit.verification"),
  intact: z.boolean(),
  entries: z.int().describe("How many were checked and hold together."),
  until_sequence: z.int().describe("The last of them. Go on with 'after' there while 'complete' is false."),
  until_digest: z.string(),
  complete: z.boolean().describe("True when that is the end of the log."),
  broken_sequence: z.int().nullable().describe("The first entry at fault."),
  reason: z
    .enum(["entry_altered", "entry_missing", "seal_wrong", "address_altered", "end_wrong", "anchor_wrong"])
    .nullable(),
});

const exportSummary =
  "Matching entries as JSON lines or CSV (RFC 4180), oldest first, with what proves them: query as for the list, and 'format'.";

/** The log of the caller's own tenant. */
const tenantRoutes = [
  json({
    method: "GET",
    path: "/api/v1/audit",
    permission: "audit:read",
    operation: "listAuditEntries",
    summary: "What was done in the tenant, by whom, to what and from where; newest first.",
    query: z.strictObject({ ...pageQueryFields, ...filterFields }),
    response: pageOf(entryBody),
    async handle(ops, request) {
      const { limit, cursor, ...asked } = request.query;
      const filter = { ...toFilter(asked), chain: requireCaller(request).tenantId };
      return toPageBody(await ops.listAuditEntries({ ...filter, limit, cursor }), toEntryBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/audit/verify",
    permission: "audit:read",
    operation: "verifyAuditChain",
    summary: "Whether nothing in the tenant's audit log was altered, removed or put in between.",
    query: z.strictObject(afterField),
    response: verdict,
    async handle(ops, request) {
      const { tenantId: chain } = requireCaller(request);
      return toVerdictBody(await ops.verifyAuditChain({ chain, afterSequence: request.query.after }));
    },
  }),
  raw({
    method: "GET",
    path: "/api/v1/audit/export",
    permission: "audit:read",
    operation: "exportAuditEntries",
    summary: exportSummary,
    bodyLimitBytes: 0,
    handle: (ops, exchange) =>
      sendExport(ops, exchange, z.strictObject({ ...filterFields, format }), ({ format: wanted, ...asked }) => ({
        format: wanted,
        filter: { ...toFilter(asked), chain: requireCaller(exchange).tenantId },
      })),
  }),
  json({
    method: "GET",
    path: "/api/v1/audit/{id}",
    permission: "audit:read",
    operation: "getAuditEntry",
    summary: "An entry of the tenant's audit log.",
    params,
    response: entryBody,
    failures: [auditFailures.not_found],
    async handle(ops, request) {
      const { tenantId: chain } = requireCaller(request);
      return toEntryBody(await ops.getAuditEntry({ chain, entryId: request.params.id }));
    },
  }),
];

/** The logs of all tenants and of the platform, for operators. */
const operatorRoutes = [
  json({
    method: "GET",
    path: "/admin/audit",
    permission: "platform:audit",
    operation: "listAllAuditEntries",
    summary: "What was done in every tenant and to the platform; newest first.",
    query: z.strictObject({ ...pageQueryFields, ...filterFields, ...tenantField }),
    response: pageOf(entryBody),
    async handle(ops, request) {
      const { limit, cursor, tenant_id: chain, ...asked } = request.query;
      return toPageBody(await ops.listAuditEntries({ ...toFilter(asked), chain, limit, cursor }), toEntryBody);
    },
  }),
  json({
    method: "GET",
    path: "/admin/audit/verify",
    permission: "platform:audit",
    operation: "verifyAnyAuditChain",
    summary: "Whether nothing in a tenant's audit log, or the platform's own, was altered, removed or put in between.",
    query: z.strictObject({ ...afterField, tenant_id: auditFields.id.default(platformChain) }),
    response: verdict,
    async handle(ops, { query: { tenant_id: chain, after: afterSequence } }) {
      return toVerdictBody(await ops.verifyAuditChain({ chain, afterSequence }));
    },
  }),
  raw({
    method: "GET",
    path: "/admin/audit/export",
    permission: "platform:audit",
    operation: "exportAllAuditEntries",
    summary: `${exportSummary} Of every tenant and the platform, or of one 'tenant_id'.`,
    bodyLimitBytes: 0,
    handle: (ops, exchange) =>
      sendExport(ops, exchange, z.strictObject({ ...filterFields, ...tenantField, format }), (asked) => {
        const { format: wanted, tenant_id: chain, ...filter } = asked;
        return { format: wanted, filter: { ...toFilter(filter), chain } };
      }),
  }),
  json({
    method: "GET",
    path: "/admin/audit/{id}",
    permission: "platform:audit",
    operation: "getAnyAuditEntry",
    summary: "An entry of whichever audit log.",
    params,
    response: entryBody,
    failures: [auditFailures.not_found],
    handle: async (ops, { params: { id: entryId } }) =>
      toEntryBody(await ops.getAuditEntry({ chain: undefined, entryId })),
  }),
];

/** Audit logs: a tenant's below `/api/v1/audit`, all of them for operators below `/admin/audit`. */
export const auditRoutes = [...tenantRoutes, ...operatorRoutes];

function toFilter(asked: z.output<z.ZodObject<typeof filterFields>>): EntryFilter {
  const { act: acts, actor_id: actorId, subject_id: subjectId, address: clientAddress, from, before, q: text } = asked;
  return { acts, actorId, subjectId, clientAddress, text, fromMs: toMs(from), beforeMs: toMs(before) };
}

function toMs(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at);
}

function toVerdictBody(found: ChainVerdict): z.input<typeof verdict> {
  const { isIntact, entries, untilSequence, untilDigest, isComplete, brokenSequence, reason } = found;
  return {
    ...{ object: "audit.verification", intact: isIntact, entries, until_sequence: untilSequence },
    ...{ until_digest: untilDigest, complete: isComplete, broken_sequence: isIntact ? null : brokenSequence },
    reason: reason ?? null,
  };
}
