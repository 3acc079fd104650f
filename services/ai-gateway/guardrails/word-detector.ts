import { type Detector, type Match, mergeMatches } from "./detector.ts";

/** A text as words are compared: what looks alike is alike, and each unit knows where it came from. */
interface Normalised {
  readonly units: readonly number[];
  /** Where the character that a unit came from begins and ends. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Nobody sees them, and they are put into words so that nobody finds these. */
const invisible = /^\p{Default_Ignorable_Code_Point}$/u;
const letter = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Nd}]$/u;

/** Lower case, NFKC (so also the usual width), without what is invisible. */
function normalise(text: string, from: number): Normalised {
  const units: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = from; at < text.length; ) {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const end = at + char.length;
    const plain =
      char < "\u0080" ? char.toLowerCase() : invisible.test(char) ? "" : char.normalize("NFKC").toLowerCase();
    for (let n = 0; n < plain.length; n++) {
      units.push(plain.charCodeAt(n));
      starts.push(at);
      ends.push(end);
    }
    at = end;
  }
  return { units, starts, ends };
}

interface Place {
  readonly next: Map<number, Place>;
  readonly depth: number;
  /** Where the longest end of what was read stands that begins a word, too. */
  fallback: Place | undefined;
  /** Lengths of the words that end here, the longest first. */
  lengths: readonly number[];
}

/** An automaton for all words at once (Aho and Corasick 1975): its time is the text's length, however many there are. */
function build(words: readonly string[]): Place {
  const root: Place = { next: new Map(), depth: 0, fallback: undefined, lengths: [] };
  for (const word of words) {
    const { units } = normalise(word, 0);
    let place = root;
    for (const unit of units) {
      const next = place.next.get(unit) ?? { next: new Map(), depth: place.depth + 1, fallback: root, lengths: [] };
      place.next.set(unit, next);
      place = next;
    }
    if (place !== root) place.lengths = [units.length];
  }
  const queue = [...root.next.values()];
  for (const place of queue) {
    for (const [unit, next] of place.next) {
      next.fallback = step(root, place.fallback ?? root, unit);
      queue.push(next);
    }
    place.lengths = [...place.lengths, ...(place.fallback?.lengths ?? [])];
  }
  return root;
}

function step(root: Place, from: Place, unit: number): Place {
  for (let place: Place | undefined = from; place; place = place.fallback) {
    const next = place.next.get(unit);
    if (next) return next;
  }
  return root;
}

/** True for a word that nothing is left of. */
export function isBlankWord(word: string): boolean {
  return normalise(word, 0).units.length === 0;
}

/**
 * Finds words of any language, whatever their case and width. One that begins or ends with a letter or digit of an alphabet has to stand
 * by itself there, so that no word is found within another; Chinese is written without spaces, so its words are found anywhere.
 */
export function createWordDetector(words: readonly string[], label: string): Detector {
  const root = build(words);
  return {
    scan(text, from, isEnd) {
      const { units, starts, ends } = normalise(text, from);
      const isLetter = (n: number) => n >= 0 && n < units.length && letter.test(String.fromCharCode(units[n] ?? 0));
      const isLetterBefore = (n: number) => (n > 0 ? isLetter(n - 1) : from > 0 && letter.test(text[from - 1] ?? ""));
      const found: Match[] = [];
      let openFrom = text.length;
      let place = root;
      for (const [n, unit] of units.entries()) {
        place = step(root, place, unit);
        const length = place.lengths.find((it) => {
          const first = n - it + 1;
          return !(isLetter(first) && isLetterBefore(first)) && !(isLetter(n) && isLetter(n + 1));
        });
        if (length === undefined) continue;
        const start = starts[n - length + 1] ?? 0;
        // Whether a letter follows is not known yet.
        if (!isEnd && n === units.length - 1 && isLetter(n)) openFrom = Math.min(openFrom, start);
        else found.push({ start, end: ends[n] ?? 0, label });
      }
      if (!isEnd && place.depth > 0) openFrom = Math.min(openFrom, starts[units.length - place.depth] ?? text.length);
      // Half of a character.
      if (!isEnd && /[\ud800-\udbff]$/.test(text)) openFrom = Math.min(openFrom, text.length - 1);
      return { matches: mergeMatches(found), openFrom };
    },
  };
}
