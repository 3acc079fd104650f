/** A word and when it is said, in seconds. */
export interface HeardWord {
  readonly text: string;
  /** What stands between it and the word before. */
  readonly before: string;
  readonly start: number;
  readonly end: number;
  /** How sure the vendor is, as a natural logarithm; undefined where it does not say. */
  readonly logprob: number | undefined;
}

export interface HeardSegment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The mean of its words'. */
  readonly logprob: number | undefined;
}

/** Two lines of a subtitle. */
const maxCharacters = 84;
const maxSeconds = 7;
const pauseSeconds = 1;
const sentenceEnd = /[.!?…。！？]["'”’)\]]*$/;

/** Words as sentences: each ends with its mark, before a pause, or where it would be too long to be read at once. */
export function toSegments(words: readonly HeardWord[]): readonly HeardSegment[] {
  const groups: HeardWord[][] = [];
  let length = 0;
  for (const word of words) {
    const open = groups.at(-1);
    const first = open?.[0];
    const last = open?.at(-1);
    const size = word.before.length + word.text.length;
    const goesOn =
      first !== undefined &&
      last !== undefined &&
      !sentenceEnd.test(last.text) &&
      word.start - last.end < pauseSeconds &&
      word.end - first.start <= maxSeconds &&
      length + size <= maxCharacters;
    if (goesOn) open?.push(word);
    else groups.push([word]);
    length = goesOn ? length + size : word.text.length;
  }
  return groups.map(toSegment);
}

function toSegment(words: readonly HeardWord[]): HeardSegment {
  const known = words.flatMap(({ logprob }) => logprob ?? []);
  return {
    text: words.map(({ before, text }, index) => (index === 0 ? text : before + text)).join(""),
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    logprob: known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length,
  };
}
