import type { KeyLimits } from "../key-limits.ts";

/** Whom limits are for besides keys: a person, or all members of a group together. */
export type LimitSubject = "user" | "group";

/** How much a subject may use, as a key's limits say it. Null for no limit. */
export type SubjectLimits = Pick<KeyLimits, "requestsPerMinute" | "maxConcurrentRequests" | "tokensPerMinute">;

export interface SubjectReference {
  readonly tenantId: string;
  readonly subject: LimitSubject;
  readonly subjectId: string;
}

/** A limit at the edge that holds somebody. */
export interface HeldLimit {
  readonly subject: LimitSubject;
  readonly subjectId: string;
  /** Of a group; empty where it is not known. */
  readonly name: string;
  readonly requestsPerMinute: number | null;
  readonly maxConcurrentRequests: number | null;
}

export const withoutLimits: SubjectLimits = {
  requestsPerMinute: null,
  maxConcurrentRequests: null,
  tokensPerMinute: null,
};
