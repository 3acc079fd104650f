import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Author } from "../model.ts";
import type { HeldLimit, SubjectLimits, SubjectReference } from "./subject-limits.ts";

/** Limits that hold somebody, as RPCs carry them: 0 stands for none. */
export function toHeldMessages(held: readonly HeldLimit[]) {
  return held.map(({ requestsPerMinute, maxConcurrentRequests, ...names }) => {
    return {
      ...names,
      requestsPerMinute: requestsPerMinute ?? 0,
      maxConcurrentRequests: maxConcurrentRequests ?? 0,
    };
  });
}

/** What `group.limits_changed` and `user.limits_changed` say. */
export function toLimitsChanged(
  { tenantId, subjectId }: SubjectReference,
  { before, after }: { readonly before: SubjectLimits; readonly after: SubjectLimits },
  { userId: changedBy, clientAddress }: Author,
  changedAt: Date,
) {
  const names = { tenantId, subjectId, changedBy, clientAddress, changedAt: timestampFromDate(changedAt) };
  return { ...names, limits: toMessage(after), limitsBefore: toMessage(before) };
}

function toMessage({ requestsPerMinute, maxConcurrentRequests, tokensPerMinute }: SubjectLimits) {
  return {
    requestsPerMinute: requestsPerMinute ?? 0,
    maxConcurrentRequests: maxConcurrentRequests ?? 0,
    tokensPerMinute: BigInt(tokensPerMinute ?? 0),
  };
}
