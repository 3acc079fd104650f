/** How much is offered: all of it, without extras, only what matters, or only prepared answers. */
export const degradationLevels = ["normal", "reduced", "essential", "static"] as const;
export type DegradationLevel = (typeof degradationLevels)[number];

/** The same in three words: all, something is missing, nothing is computed. */
export function toCoarseLevel(level: DegradationLevel): "normal" | "partial" | "full" {
  if (level === "normal") return "normal";
  return level === "static" ? "full" : "partial";
}

/** The one of two levels at which less is offered. */
export function worseLevel(a: DegradationLevel, b: DegradationLevel): DegradationLevel {
  return degradationLevels.indexOf(a) >= degradationLevels.indexOf(b) ? a : b;
}
