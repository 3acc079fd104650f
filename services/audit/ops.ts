import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuditDeps } from "./deps.ts";
import type { EntryFilter } from "./model.ts";
import { anchorChains } from "./ops/anchor-chains.ts";
import { deleteAgedEntries } from "./ops/delete-aged-entries.ts";
import { exportAuditEntries } from "./ops/export-audit-entries.ts";
import { exportPerson } from "./ops/export-person.ts";
import { forgetPerson } from "./ops/forget-person.ts";
import { type EntryReference, getAuditEntry } from "./ops/get-audit-entry.ts";
import { type AuditAct, keepEntry } from "./ops/keep-entry.ts";
import { type ListEntriesInput, listAuditEntries } from "./ops/list-audit-entries.ts";
import { type VerifyChainInput, verifyAuditChain } from "./ops/verify-audit-chain.ts";

/** Binds the operations on audit logs to what they need. */
export function createAuditOps(deps: AuditDeps) {
  return {
    keepEntry: (tx: Tx, act: AuditAct) => keepEntry(deps, tx, act),
    forgetPerson: (tx: Tx, person: { readonly userId: string; readonly tenantId: string }) =>
      forgetPerson(deps, tx, person),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
    getAuditEntry: (input: EntryReference) => getAuditEntry(deps, input),
    listAuditEntries: (input: ListEntriesInput) => listAuditEntries(deps, input),
    exportAuditEntries: (filter: EntryFilter) => exportAuditEntries(deps, filter),
    verifyAuditChain: (input: VerifyChainInput) => verifyAuditChain(deps, input),
    anchorChains: (signal: AbortSignal) => anchorChains(deps, signal),
    deleteAgedEntries: (signal: AbortSignal) => deleteAgedEntries(deps, signal),
  };
}

export type AuditOps = ReturnType<typeof createAuditOps>;
