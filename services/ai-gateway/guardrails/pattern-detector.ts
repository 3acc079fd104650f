import { type CharSet, isWordUnit, joinSets } from "./char-set.ts";
import { type Detector, type Match, maxMatchLength, type Scanned } from "./detector.ts";
import { type Assertion, compilePattern, PatternError, type Step } from "./pattern-program.ts";

const newline = 0x0a;

/** Places in a program that are reached at once, the preferred first, each with where its match began. */
interface Threads {
  readonly at: number[];
  readonly start: number[];
}

/**
 * Finds what a pattern means as RE2 does: all ways through it at once, so that no text takes longer than its length times the pattern's
 * (Thompson 1968; swtch.com/~rsc/regexp). Of two matches the earlier counts, and of one place what the pattern prefers. Throws a
 * PatternError for a pattern that cannot be used, or that is satisfied by nothing.
 */
export function createPatternDetector(source: string, label: string, ignoresCase = true): Detector {
  const program = compilePattern(source, ignoresCase);
  const begins = joinSets(firstSets(program), false);
  return { scan: (text, from, isEnd) => scan({ program, begins, label }, text, from, isEnd) };
}

/** What a match may begin with. Throws a PatternError where the end is reached without a character. */
function firstSets(program: readonly Step[]): readonly CharSet[] {
  const seen = new Set<number>();
  const sets: CharSet[] = [];
  const open = [0];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const step = program[at];
    if (step?.op === "match") throw new PatternError("it is satisfied by an empty text");
    if (step?.op === "char") sets.push(step.set);
    else if (step?.op === "fork") open.push(step.or, step.to);
    else open.push(step?.op === "jump" ? step.to : at + 1);
  }
  return sets;
}

interface Compiled {
  readonly program: readonly Step[];
  readonly begins: CharSet;
  readonly label: string;
}

function scan(compiled: Compiled, text: string, from: number, isEnd: boolean): Scanned {
  const { program, begins, label } = compiled;
  const matches: Match[] = [];
  const reach = createReach(program, text);
  let pending: Threads = { at: [], start: [] };
  let best: Match | undefined;

  /** Reads the unit at `i`. What is reached there and preferred less than an end does not count any more. */
  function read(threads: Threads, i: number): void {
    const unit = text.charCodeAt(i);
    pending = { at: [], start: [] };
    for (const [n, at] of threads.at.entries()) {
      const step = program[at];
      const start = threads.start[n] ?? i;
      if (step?.op === "match") {
        best = { start, end: i, label };
        return;
      }
      if (step?.op !== "char" || i >= text.length || i - start >= maxMatchLength || !step.set(unit)) continue;
      pending.at.push(at + 1);
      pending.start.push(start);
    }
  }

  for (let i = from; ; i++) {
    if (best && pending.at.length === 0) {
      matches.push(best);
      // What stands behind it was read before only to see whether it goes on.
      i = best.end;
      best = undefined;
    }
    if (!best && pending.at.length === 0) while (i < text.length && !begins(text.charCodeAt(i))) i++;
    if (i >= text.length && !isEnd) {
      return { matches, openFrom: Math.min(best?.start ?? text.length, pending.start[0] ?? text.length) };
    }
    read(reach(pending, i, best === undefined), i);
    if (i >= text.length) {
      if (!best) return { matches, openFrom: text.length };
      // Back to behind it.
      i = best.end - 1;
    }
  }
}

/** What is reached at a place of the text without a character, from where matches have come to and, unless there is one, from the start. */
function createReach(program: readonly Step[], text: string) {
  /** In which round each step was reached last; at one place there may be several. */
  const seen = new Int32Array(program.length).fill(-1);
  let round = 0;

  function follow(threads: Threads, first: number, start: number, i: number): void {
    const open = [first];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const step = program[at];
      if (!step || seen[at] === round) continue;
      seen[at] = round;
      if (step.op === "fork") open.push(step.or, step.to);
      else if (step.op === "jump") open.push(step.to);
      else if (step.op === "assert") {
        if (holds(step.what, text, i)) open.push(at + 1);
      } else {
        threads.at.push(at);
        threads.start.push(start);
      }
    }
  }

  return (pending: Threads, i: number, canBegin: boolean): Threads => {
    round++;
    const threads: Threads = { at: [], start: [] };
    for (const [n, at] of pending.at.entries()) follow(threads, at, pending.start[n] ?? i, i);
    if (canBegin) follow(threads, 0, i, i);
    return threads;
  };
}

function holds(what: Assertion, text: string, i: number): boolean {
  if (what === "start") return i === 0 || text.charCodeAt(i - 1) === newline;
  if (what === "end") return i === text.length || text.charCodeAt(i) === newline;
  return (isWordAt(text, i - 1) !== isWordAt(text, i)) === (what === "boundary");
}

function isWordAt(text: string, i: number): boolean {
  return i >= 0 && i < text.length && isWordUnit(text.charCodeAt(i));
}
