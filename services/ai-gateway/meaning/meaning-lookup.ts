/**
 * What became of a comparison: `compared`, or why it was not: `no_text` to compare, `late`: not within the time, or `failed`. Then no
 * target is near.
 */
export const meaningResults = ["compared", "no_text", "late", "failed"] as const;

/** How a call was compared with examples by one model. */
export interface MeaningLookup {
  /** As the route names it. */
  readonly model: string;
  readonly result: (typeof meaningResults)[number];
  /** The calls that made vectors for it: of what was asked, and of examples that nobody had made before. */
  readonly calls: readonly MadeCall[];
  /** The places that it was compared with, at most 64; empty where it was not. */
  readonly places: readonly NearPlace[];
}

/** A call that made vectors. */
export interface MadeCall {
  readonly callId: string;
  readonly of: "question" | "examples";
}

/** A place of a route, and the nearest of its examples. */
export interface NearPlace {
  readonly route: string;
  /** Where it goes: `provider/model`, or another route's name. */
  readonly target: string;
  readonly example: string;
  readonly similarity: number;
  readonly minSimilarity: number;
}
