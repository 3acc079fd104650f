/** What is scored: how much, whether, or which. */
export type FeedbackValue = number | boolean | string;
export type FeedbackKind = "number" | "boolean" | "label";

/** Names one score of a call. */
export interface FeedbackName {
  readonly tenantId: string;
  readonly callId: string;
  readonly name: string;
  /** Who gives it: a person, or a key that is nobody's. */
  readonly actorId: string;
  /** Whom they give it for, as they say; empty for themselves. */
  readonly author: string;
}

/** What the call was, as far as calls are compared by it. */
export interface ScoredCall {
  readonly provider: string;
  readonly model: string;
  /** Empty and null for none, and where it is not known any more. */
  readonly route: string;
  readonly routeVersion: number | null;
  readonly prompt: string;
  readonly promptVersion: number | null;
}

export interface Feedback extends FeedbackName, ScoredCall {
  readonly feedbackId: string;
  readonly kind: FeedbackKind;
  /** Of a boolean 1 or 0; null for a label. */
  readonly number: number | null;
  readonly label: string | null;
  readonly comment: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
}

/** By what scores are summed up. */
export const feedbackGroups = ["model", "route", "prompt", "arm"] as const;
export type FeedbackGroup = (typeof feedbackGroups)[number];

/** Which; what is undefined does not matter. */
export interface FeedbackFilter {
  readonly tenantId: string;
  /** Those that a person or key has given. */
  readonly actorId: string | undefined;
  readonly callId?: string | undefined;
  readonly name?: string | undefined;
  readonly model?: string | undefined;
  readonly route?: string | undefined;
  readonly prompt?: string | undefined;
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

/** What scores of one name come to, of the calls that are alike in what they are summed up by; the rest is null. */
export interface FeedbackSum {
  readonly provider: string | null;
  readonly model: string | null;
  readonly route: string | null;
  readonly routeVersion: number | null;
  readonly prompt: string | null;
  readonly promptVersion: number | null;
  readonly name: string;
  readonly kind: FeedbackKind;
  readonly count: number;
  /** Of a boolean the share of those that are true; null for labels, as are the next two. */
  readonly average: number | null;
  readonly least: number | null;
  readonly most: number | null;
  /** How often each was given, the most frequent hundred; null for others. */
  readonly labels: Readonly<Record<string, number>> | null;
}

/** As a row has it. */
export function toScore(value: FeedbackValue): Pick<Feedback, "kind" | "number" | "label"> {
  if (typeof value === "string") return { kind: "label", number: null, label: value };
  if (typeof value === "boolean") return { kind: "boolean", number: value ? 1 : 0, label: null };
  return { kind: "number", number: value, label: null };
}

export function fromScore({ kind, number, label }: Pick<Feedback, "kind" | "number" | "label">): FeedbackValue {
  if (kind === "label") return label ?? "";
  return kind === "boolean" ? number === 1 : (number ?? 0);
}
