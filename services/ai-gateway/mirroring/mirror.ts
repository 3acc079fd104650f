import { z } from "zod";
import { providerNameSchema } from "../provider-name.ts";

/** Where a share of a route's calls also goes, in a file or a request. */
export const mirrorSchema = z.strictObject({
  provider: providerNameSchema.describe("One that the tenant may use: its own of that name, or else the operator's."),
  model: z.string().min(1).max(200).describe("What that provider's model is called in Lyss."),
  share: z
    .number()
    .gt(0)
    .max(1)
    .describe("Of the calls that the route serves: what part is sent there, too. Callers pay for both."),
});

export type Mirror = z.output<typeof mirrorSchema>;

/** How one of the two calls ended. */
export interface MirroredSide {
  readonly provider: string;
  readonly model: string;
  readonly outcome: "completed" | "failed" | "canceled" | "truncated";
  /** Of the failure it ended with; absent where there was none, or it is not known. */
  readonly code?: string | undefined;
  /** From when it was asked to when it was settled. */
  readonly latencyMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Nano-units, in digits; absent where it is not known here. */
  readonly costNanos?: string | undefined;
}

/** A call and its mirror, when both are over. */
export interface MirroredCall {
  readonly tenantId: string;
  readonly route: string;
  readonly callId: string;
  readonly mirrorCallId: string;
  readonly first: MirroredSide;
  readonly mirror: MirroredSide;
  readonly createdAt: Date;
}

/** What one model did with the calls that were compared. */
export interface ComparedSide {
  readonly completed: number;
  /** Of those that completed; null where none did. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: bigint;
  /** Calls whose cost is not known here, and is in no sum. */
  readonly unpriced: number;
}

/** Two models that were asked the same. */
export interface Comparison {
  readonly provider: string;
  readonly model: string;
  readonly mirrorProvider: string;
  readonly mirrorModel: string;
  readonly calls: number;
  readonly first: ComparedSide;
  readonly mirror: ComparedSide;
}
