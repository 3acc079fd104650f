import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AuditService } from "@lyss/contracts/gen/lyss/audit/v1/audit_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { orEmpty, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { type AuditEntry, auditFields } from "./model.ts";
import type { AuditOps } from "./ops.ts";

const chain = auditFields.id;
const time = timestampInput.transform((date) => date?.getTime());
const sequence = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER));
const inputs = {
  getAuditEntry: { chain: orEmpty(chain), entryId: z.string().min(1).max(64) },
  listAuditEntries: {
    ...{ chain: orEmpty(chain), actorId: orEmpty(auditFields.id), subjectId: orEmpty(auditFields.id) },
    ...{ clientAddress: orEmpty(auditFields.address), text: orEmpty(auditFields.text), from: time, before: time },
    acts: z
      .array(auditFields.act)
      .max(50)
      .transform((acts) => (acts.length > 0 ? acts : undefined)),
    ...pageInputs,
  },
  verifyAuditChain: { chain, afterSequence: sequence },
} satisfies MethodInputs<typeof AuditService>;

/** AuditService on the operations. */
export function createAuditRpc(ops: AuditOps): CheckedRpc<typeof AuditService> {
  return createRpc(AuditService, inputs, {
    getAuditEntry: async (request) => ({ entry: toMessage(await ops.getAuditEntry(request)) }),
    async listAuditEntries({ from: fromMs, before: beforeMs, limit, cursor, ...filter }) {
      const page = fromPageRequest({ limit, cursor });
      const { rows, nextCursor } = await ops.listAuditEntries({ ...filter, fromMs, beforeMs, ...page });
      return { entries: rows.map(toMessage), nextCursor: nextCursor ?? "" };
    },
    async verifyAuditChain(request) {
      const afterSequence = Number(request.afterSequence);
      const found = await ops.verifyAuditChain({ chain: request.chain, afterSequence });
      return {
        ...{ isIntact: found.isIntact, isComplete: found.isComplete, entries: BigInt(found.entries) },
        ...{ untilSequence: BigInt(found.untilSequence), brokenSequence: BigInt(found.brokenSequence) },
        reason: found.reason ?? "",
      };
    },
  });
}

function toMessage({ happenedAt, recordedAt, details, clientAddress, sequence: number, ...entry }: AuditEntry) {
  const { entryId, chain: of, act, actorId, operatorId, subjectKind, subjectId, eventId, digest } = entry;
  return {
    ...{
      entryId,
      chain: of,
      sequence: BigInt(number),
      act,
      actorId,
      operatorId,
      subjectKind,
      subjectId,
      eventId,
      digest,
    },
    ...{ clientAddress: clientAddress ?? "", happenedAt: timestampFromDate(happenedAt) },
    ...{ recordedAt: timestampFromDate(recordedAt), details: JSON.parse(details) as JsonObject },
  };
}
