/** A piece of a text that a rule looks for: UTF-16 units from `start` up to `end`. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** What a mask calls it: lower-case letters and underscores. */
  readonly label: string;
}

export interface Scanned {
  /** In order, without overlaps. */
  readonly matches: readonly Match[];
  /** From here on more text may still make or change a match; the text's length where it cannot, and at the end. */
  readonly openFrom: number;
}

/**
 * Looks for something in `text` from `from` on; what stands before is only what a word may not follow. Takes time by the length of the
 * text, whatever stands in it. Cutting at `openFrom`, or behind a match before it, and going on from there gives what the whole text gives.
 */
export interface Detector {
  scan(text: string, from: number, isEnd: boolean): Scanned;
}

/** No match is longer. What a stream holds back is bounded by it. */
export const maxMatchLength = 512;

/** The spans of several matches, those that overlap as one with the label of the first. */
export function mergeMatches(matches: readonly Match[]): Match[] {
  const merged: Match[] = [];
  for (const match of matches.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last && match.start < last.end) merged[merged.length - 1] = { ...last, end: Math.max(last.end, match.end) };
    else merged.push(match);
  }
  return merged;
}
