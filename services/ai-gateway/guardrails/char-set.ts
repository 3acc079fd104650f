/** A set of UTF-16 units. */
export type CharSet = (unit: number) => boolean;

type Range = readonly [number, number];

const newline = 0x0a;
const digits: readonly Range[] = [[0x30, 0x39]];
const word: readonly Range[] = [...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const space: readonly Range[] = [
  ...[
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ],
  ...[
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ],
] as unknown as readonly Range[];

export const anyButNewline: CharSet = (unit) => unit !== newline;
export const isWordUnit: CharSet = fromRanges(word);

const classes: Readonly<Record<string, CharSet>> = {
  d: fromRanges(digits),
  D: not(fromRanges(digits)),
  w: isWordUnit,
  W: not(isWordUnit),
  s: fromRanges(space),
  S: not(fromRanges(space)),
};

/** What `\d`, `\w`, `\s` and their opposites mean; undefined for another letter. */
export function classOf(letter: string): CharSet | undefined {
  return Object.hasOwn(classes, letter) ? classes[letter] : undefined;
}

/** One unit, or those from one up to another. */
export function setOf(first: string, ignoresCase: boolean, last = first): CharSet {
  const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
  const isIn: CharSet = (unit) => unit >= low && unit <= high;
  if (!ignoresCase) return isIn;
  return (unit) => {
    if (isIn(unit)) return true;
    const char = String.fromCharCode(unit);
    const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
    return (lower.length === 1 && isIn(lower.charCodeAt(0))) || (upper.length === 1 && isIn(upper.charCodeAt(0)));
  };
}

export function joinSets(sets: readonly CharSet[], isNegated: boolean): CharSet {
  const isIn: CharSet = (unit) => sets.some((set) => set(unit));
  return cached(isNegated ? not(isIn) : isIn);
}

function not(set: CharSet): CharSet {
  return (unit) => !set(unit);
}

function fromRanges(ranges: readonly Range[]): CharSet {
  return cached((unit) => ranges.some(([low, high]) => unit >= low && unit <= high));
}

/** Most text is ASCII: of that the answer is known beforehand. */
function cached(set: CharSet): CharSet {
  const ascii = Uint8Array.from({ length: 128 }, (_, unit) => (set(unit) ? 1 : 0));
  return (unit) => (unit < 128 ? ascii[unit] === 1 : set(unit));
}
