import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { IntegrityState as StateMessage } from "@lyss/contracts/gen/lyss/billing/v1/integrity_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import type { MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import type { IntegrityRun, IntegrityState } from "./finding.ts";
import type { IntegrityOps } from "./integrity-ops.ts";

type IntegrityMethods = "requestIntegrityRun" | "getIntegrityRun" | "listIntegrityRuns" | "rebuildBalances";

export const integrityInputs = {
  requestIntegrityRun: {},
  getIntegrityRun: { runId: idInput },
  listIntegrityRuns: pageInputs,
  rebuildBalances: { apply: z.boolean(), cursor: pageInputs.cursor },
} satisfies Pick<MethodInputs<typeof BillingService>, IntegrityMethods>;

const states: Readonly<Record<IntegrityState, StateMessage>> = {
  wanted: StateMessage.WANTED,
  running: StateMessage.RUNNING,
  passed: StateMessage.PASSED,
  failed: StateMessage.FAILED,
};

/** What BillingService offers for the journal's integrity. */
export function createIntegrityRpc(ops: IntegrityOps) {
  return {
    requestIntegrityRun: async () => ({ run: toRun(await ops.requestIntegrityRun()) }),
    getIntegrityRun: async ({ runId }: { runId: string }) => ({ run: toRun(await ops.getIntegrityRun({ runId })) }),
    async listIntegrityRuns(request: { limit: number; cursor: string }) {
      const { rows, nextCursor } = await ops.listIntegrityRuns(fromPageRequest(request));
      return { runs: rows.map(toRun), nextCursor: nextCursor ?? "" };
    },
    async rebuildBalances({ apply, cursor }: { apply: boolean; cursor: string }) {
      const { rows, budgets, checked, nextCursor } = await ops.rebuildBalances({ apply, cursor });
      return { differences: [...rows], budgetDifferences: [...budgets], checked, nextCursor: nextCursor ?? "" };
    },
  } satisfies Record<IntegrityMethods, unknown>;
}

function toRun({ cause, state, wantedAt, startedAt, endedAt, findings, ...run }: IntegrityRun) {
  const { runId, wallets, postings, usageRows, findingCount, digest } = run;
  return {
    ...{ runId, wallets, postings, usageRows, findingCount, digest, findings: [...findings] },
    isScheduled: cause === "schedule",
    state: states[state],
    wantedAt: timestampFromDate(wantedAt),
    ...(startedAt && { startedAt: timestampFromDate(startedAt) }),
    ...(endedAt && { endedAt: timestampFromDate(endedAt) }),
  };
}
