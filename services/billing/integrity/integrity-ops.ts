import type { PageRequest } from "@lyss/kit/http/page.ts";
import {
  getIntegrityRun,
  type IntegrityDeps,
  listIntegrityRuns,
  type RebuildInput,
  rebuildBalances,
  requestIntegrityRun,
  runIntegrity,
} from "./integrity.ts";
import { verifyMoney } from "./verify.ts";

/** Binds the operations of checking the journal to what they need. */
export function createIntegrityOps(deps: IntegrityDeps) {
  return {
    verifyMoney: () => verifyMoney(deps),
    requestIntegrityRun: () => requestIntegrityRun(deps, { cause: "operator" }),
    getIntegrityRun: (input: { runId: string }) => getIntegrityRun(deps, input),
    listIntegrityRuns: (input: PageRequest) => listIntegrityRuns(deps, input),
    runIntegrity: (signal?: AbortSignal) => runIntegrity(deps, signal),
    rebuildBalances: (input: RebuildInput) => rebuildBalances(deps, input),
  };
}

export type IntegrityOps = ReturnType<typeof createIntegrityOps>;
