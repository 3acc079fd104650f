import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { BillingOps } from "../ops.ts";
import { findingChecks, type IntegrityRun } from "./finding.ts";

const { json } = routesFor<BillingOps>();

const permission = "platform:billing";
const path = "/admin/billing/integrity/runs";

const finding = z.strictObject({
  check: z.enum(findingChecks),
  wallet_id: z.string().describe("Empty where it does not apply, as are the other ids."),
  posting_id: z.string(),
  call_id: z.string(),
  detail: z.string(),
});

const run = z.strictObject({
  object: z.literal("integrity_run"),
  id: z.string(),
  cause: z.enum(["schedule", "operator"]),
  state: z.enum(["wanted", "running", "passed", "failed"]),
  wanted_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  ended_at: z.iso.datetime().nullable(),
  wallets: z.number().describe("Looked at so far."),
  postings: z.number(),
  usage_rows: z.number(),
  finding_count: z.number(),
  findings: z.array(finding).describe("The first 1,000."),
  digest: z.string().describe("SHA-256 over the heads of all chains, in hex. To be kept where nobody can reach both."),
});

const difference = z.strictObject({
  wallet_id: z.string(),
  tenant_id: z.string(),
  balance_nanos: z.string(),
  journal_nanos: z.string().describe("What the balance should be."),
  held_nanos: z.string(),
  open_nanos: z.string().describe("What should be held."),
});

const budgetDifference = z.strictObject({
  budget_id: z.string(),
  tenant_id: z.string(),
  reserved: z.string().describe("In the budget's unit, as is what follows."),
  held: z.string().describe("What should be reserved: what calls in flight have set aside."),
});

/** What operators see of the journal's integrity. */
export const integrityRoutes = [
  json({
    method: "POST",
    path,
    permission,
    operation: "requestIntegrityRun",
    summary: "Wants a check of everything that must hold of the money, or gives the one that is open.",
    response: run,
    successStatus: 202,
    handle: async (ops) => toRun(await ops.requestIntegrityRun()),
  }),
  json({
    method: "GET",
    path,
    permission,
    operation: "listIntegrityRuns",
    summary: "Checks of the journal, newest first; the last 100 are kept.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(run),
    handle: async (ops, { query }) => toPageBody(await ops.listIntegrityRuns(query), toRun),
  }),
  json({
    method: "GET",
    path: `${path}/{id}`,
    permission,
    operation: "getIntegrityRun",
    summary: "A check of the journal, with what it has found so far.",
    params: z.strictObject({ id: z.string().min(1).max(64) }),
    response: run,
    failures: [billingFailures.integrity_run_not_found],
    handle: async (ops, { params }) => toRun(await ops.getIntegrityRun({ runId: params.id })),
  }),
  json({
    method: "POST",
    path: "/admin/billing/balances:rebuild",
    permission,
    operation: "rebuildBalances",
    summary: "Compares a page of wallets and their budgets with what these should come to; writes that if wanted.",
    body: z.strictObject({
      apply: z.boolean().default(false).describe("False to look only."),
      cursor: pageQueryFields.cursor,
    }),
    response: pageOf(difference).extend({
      budgets: z.array(budgetDifference).describe("Those of the page's tenants that differ."),
      checked: z.number().describe("How many wallets were looked at."),
    }),
    async handle(ops, { body }) {
      const page = await ops.rebuildBalances(body);
      const toDifference = (row: (typeof page.rows)[number]) => ({
        wallet_id: row.walletId,
        tenant_id: row.tenantId,
        balance_nanos: row.balanceNanos.toString(),
        journal_nanos: row.journalNanos.toString(),
        held_nanos: row.heldNanos.toString(),
        open_nanos: row.openNanos.toString(),
      });
      const budgets = page.budgets.map(({ budgetId, tenantId, reserved, held }) => ({
        ...{ budget_id: budgetId, tenant_id: tenantId, reserved: reserved.toString(), held: held.toString() },
      }));
      return { ...toPageBody(page, toDifference), budgets, checked: page.checked };
    },
  }),
];

function toRun(row: IntegrityRun): z.input<typeof run> {
  return {
    object: "integrity_run",
    id: row.runId,
    cause: row.cause,
    state: row.state,
    wanted_at: row.wantedAt.toISOString(),
    started_at: row.startedAt?.toISOString() ?? null,
    ended_at: row.endedAt?.toISOString() ?? null,
    wallets: Number(row.wallets),
    postings: Number(row.postings),
    usage_rows: Number(row.usageRows),
    finding_count: Number(row.findingCount),
    findings: row.findings.map(({ check, walletId, postingId, callId, detail }) => ({
      ...{ check, wallet_id: walletId, posting_id: postingId, call_id: callId, detail },
    })),
    digest: row.digest,
  };
}
