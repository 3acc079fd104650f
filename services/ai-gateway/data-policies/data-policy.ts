import type { PiiKind } from "../guardrails/pii-detector.ts";

/** What a tenant allows to be kept of what is said in its calls: the bound of every feature that keeps something of it. */
export interface DataPolicy {
  /** Nothing is kept for longer. */
  readonly retentionDays: number;
  /** Whether requests and answers may be kept beside what callers themselves have kept. */
  readonly storeBodies: boolean;
  /** What is taken out of them in any case. */
  readonly redact: readonly PiiKind[];
}

/** A policy as the tenant service tells it, with its own words for what is taken out. */
export interface ToldPolicy {
  readonly tenantId: string;
  /** From 1 on. */
  readonly version: bigint;
  readonly retentionDays: number;
  readonly storeBodies: boolean;
  readonly redact: readonly string[];
}

/** Of a tenant that has said nothing (services/tenant/model.ts). */
export const unsaidPolicy: DataPolicy = { retentionDays: 90, storeBodies: false, redact: [] };

const kindOf: Readonly<Record<string, PiiKind>> = {
  email: "email",
  phone: "phone",
  card: "credit_card",
  secret: "secret",
};

/** Throws a RangeError for something to take out that is not known here: what cannot be taken out must not be kept. */
export function toDataPolicy({ retentionDays, storeBodies, redact }: ToldPolicy): DataPolicy {
  return {
    retentionDays,
    storeBodies,
    redact: redact.map((name) => {
      const kind = kindOf[name];
      if (!kind) throw new RangeError(`a data policy takes out ${name}, which nothing here finds`);
      return kind;
    }),
  };
}
