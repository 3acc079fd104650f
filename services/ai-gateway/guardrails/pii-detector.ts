import { isIPv6 } from "node:net";
import { type Detector, type Match, maxMatchLength, mergeMatches } from "./detector.ts";

export const piiKinds = ["email", "phone", "cn_id", "credit_card", "iban", "ip", "secret"] as const;
export type PiiKind = (typeof piiKinds)[number];

interface Form {
  readonly pattern: RegExp;
  /** How much of what was found it is; 0 for nothing. All of it unless given. */
  readonly check?: (found: string) => number;
}

/**
 * Every count is bounded and each form has to begin where none of its own characters stand before, so that the engine of the language
 * takes time by the length of the text for them, too.
 */
const forms: Readonly<Record<PiiKind, readonly Form[]>> = {
  email: [
    {
      pattern:
        /(?<![A-Za-z0-9._%+-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![A-Za-z0-9])/g,
    },
  ],
  phone: [
    { pattern: /(?<![0-9A-Za-z+])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])/g },
    {
      pattern: /(?<![0-9A-Za-z+])\+[1-9](?:[ .-]?(?:\(\d{1,4}\)|\d{1,4})){2,6}(?!\d)/g,
      check: wholeIf((it) => hasDigits(it, 8, 15)),
    },
    { pattern: /(?<![0-9A-Za-z+.-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![0-9A-Za-z-])/g },
  ],
  cn_id: [
    {
      pattern:
        /(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])/g,
      check: wholeIf(isChineseId),
    },
  ],
  credit_card: [{ pattern: /(?<![0-9A-Za-z])[2-6](?:[ -]?\d){12,18}(?![0-9A-Za-z])/g, check: wholeIf(isCard) }],
  iban: [{ pattern: /(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?/g, check: ibanLength }],
  ip: [
    {
      pattern:
        /(?<![0-9A-Za-z.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![0-9A-Za-z]|\.\d)/g,
    },
    {
      pattern: /(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])/g,
      check: wholeIf((it) => it.length > 4 && isIPv6(it)),
    },
  ],
  secret: [
    { pattern: /(?<![0-9A-Za-z])(?:sk|pk|rk)[-_][A-Za-z0-9_-]{20,250}(?![A-Za-z0-9_-])/g },
    { pattern: /(?<![0-9A-Za-z])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])/g },
    { pattern: /(?<![0-9A-Za-z])(?:gh[pousr]_[A-Za-z0-9]{36,250}|github_pat_[A-Za-z0-9_]{60,250})(?![A-Za-z0-9_])/g },
    { pattern: /(?<![0-9A-Za-z])xox[abeprs]-[A-Za-z0-9-]{10,250}(?![A-Za-z0-9-])/g },
    { pattern: /(?<![0-9A-Za-z])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/g },
    {
      pattern:
        /(?<![0-9A-Za-z])eyJ[A-Za-z0-9_-]{10,150}\.eyJ[A-Za-z0-9_-]{10,200}\.[A-Za-z0-9_-]{10,100}(?![A-Za-z0-9_-])/g,
    },
  ],
};

function wholeIf(holds: (found: string) => boolean): (found: string) => number {
  return (found) => (holds(found) ? found.length : 0);
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, "");
}

function hasDigits(text: string, least: number, most: number): boolean {
  const { length } = digitsOf(text);
  return length >= least && length <= most;
}

/** ISO 7064 MOD 11-2, as GB 11643-1999 has it. */
function isChineseId(text: string): boolean {
  let rest = 0;
  for (const char of text.slice(0, 17)) rest = ((rest + Number(char)) * 2) % 11;
  return "0123456789X"[(12 - rest) % 11] === text[17]?.toUpperCase();
}

/** ISO/IEC 7812-1, annex B. */
function isCard(text: string): boolean {
  const digits = digitsOf(text);
  let sum = 0;
  for (const [n, char] of [...digits].reverse().entries()) {
    const value = Number(char) * (n % 2 === 1 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/** How long an account's number is (SWIFT, IBAN Registry). */
const ibanLengths: Readonly<Record<string, number>> = {
  ...{ AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, CH: 21, CR: 22, CY: 28, CZ: 24 },
  ...{ DE: 22, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27 },
  ...{ GT: 28, HR: 21, HU: 28, IE: 22, IL: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LI: 21, LT: 20, LU: 20 },
  ...{ LV: 21, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30, NL: 18, NO: 15, PK: 24, PL: 28, PS: 29, PT: 25 },
  ...{ QA: 29, RO: 24, RS: 22, SA: 24, SE: 24, SI: 19, SK: 24, SM: 27, TN: 24, TR: 26, UA: 29, VG: 24, XK: 20 },
};

/** What stands behind the number of its country's length is no part of it (ISO 13616, ISO 7064 MOD 97-10). */
function ibanLength(text: string): number {
  const length = ibanLengths[text.slice(0, 2)] ?? 0;
  let end = 0;
  let compact = "";
  while (end < text.length && compact.length < length) {
    if (text[end] !== " ") compact += text[end];
    end++;
  }
  if (length === 0 || compact.length < length || /^[A-Za-z0-9]/.test(text.slice(end))) return 0;
  let rest = 0;
  for (const char of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1 ? end : 0;
}

/** Finds what says who somebody is, or opens what is somebody's. The label of a match is its kind. */
export function createPiiDetector(kinds: readonly PiiKind[]): Detector {
  return {
    scan(text, from, isEnd) {
      const openFrom = isEnd ? text.length : findOpen(text, from);
      const found = kinds.flatMap((label) => forms[label].flatMap((form) => findAll(form, label, text, from)));
      return { matches: mergeMatches(found), openFrom };
    },
  };
}

function findAll({ pattern, check }: Form, label: PiiKind, text: string, from: number): Match[] {
  const matches: Match[] = [];
  pattern.lastIndex = from;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    const { index: start } = found;
    const length = check ? check(found[0]) : found[0].length;
    if (length > 0) matches.push({ start, end: start + length, label });
    // A number may stand behind another that was taken for its beginning.
    pattern.lastIndex = start + Math.max(1, length);
  }
  pattern.lastIndex = 0;
  return matches;
}

const tokenChar = /[A-Za-z0-9._%+\-@:()/=]/;
/** What may go on behind a space: groups of digits, and of an account's capital letters. */
const group = /\d|^[A-Z]{1,4}$/;

/** Where the last characters begin that may still become something: what is no token ends every form, and a space most of them. */
function findOpen(text: string, from: number): number {
  const least = Math.max(from, text.length - maxMatchLength);
  let open = text.length;
  for (let at = open; ; ) {
    const end = at;
    while (at > least && tokenChar.test(text[at - 1] ?? "")) at--;
    if (end !== text.length && !group.test(text.slice(at, end))) return open;
    open = at;
    if (at <= least || text[at - 1] !== " ") return open;
    at--;
  }
}
