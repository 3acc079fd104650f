import { anyButNewline, type CharSet, classOf, joinSets, setOf } from "./char-set.ts";

/** One step of a compiled pattern. `to` and `or` are places in the program; of a fork `to` is preferred. */
export type Step =
  | { readonly op: "char"; readonly set: CharSet }
  | { readonly op: "fork"; to: number; or: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "assert"; readonly what: Assertion }
  | { readonly op: "match" };

export type Assertion = "start" | "end" | "boundary" | "inside";

/** Why a pattern cannot be used. */
export class PatternError extends Error {}

type Node =
  | { readonly type: "empty" }
  | { readonly type: "char"; readonly set: CharSet }
  | { readonly type: "assert"; readonly what: Assertion }
  | { readonly type: "sequence"; readonly nodes: readonly Node[] }
  | { readonly type: "choice"; readonly nodes: readonly Node[] }
  | {
      readonly type: "repeat";
      readonly node: Node;
      readonly least: number;
      readonly most: number;
      readonly isLazy: boolean;
    };

const maxSteps = 2_000;
const maxCount = 200;
const maxDepth = 50;
const assertions: Readonly<Record<string, Assertion>> = { "^": "start", $: "end", b: "boundary", B: "inside" };
const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", "0": "\0" };

/**
 * A pattern in the syntax of JavaScript and RE2, but for what cannot be matched in linear time (back-references, look-around) and named
 * groups. Throws a PatternError with the reason.
 */
export function compilePattern(source: string, ignoresCase: boolean): readonly Step[] {
  const program: Step[] = [];
  emit(program, parse(source, ignoresCase));
  program.push({ op: "match" });
  return program;
}

function parse(source: string, ignoresCase: boolean): Node {
  let at = 0;
  let depth = 0;
  const fail = (reason: string): never => {
    throw new PatternError(`${reason} (at character ${at + 1})`);
  };
  const take = (text: string) => {
    if (!source.startsWith(text, at)) return false;
    at += text.length;
    return true;
  };

  function choice(): Node {
    if (++depth > maxDepth) fail("groups are nested too deeply");
    const nodes = [sequence()];
    while (take("|")) nodes.push(sequence());
    depth--;
    return nodes.length === 1 && nodes[0] ? nodes[0] : { type: "choice", nodes };
  }

  function sequence(): Node {
    const nodes: Node[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") nodes.push(repeated(atom()));
    return { type: "sequence", nodes };
  }

  function repeated(node: Node): Node {
    let repeatedNode = node;
    for (let counts = quantifier(); counts; counts = quantifier()) {
      const [least, most] = counts;
      if (repeatedNode.type === "repeat") fail("a repetition is repeated");
      repeatedNode = { type: "repeat", node: repeatedNode, least, most, isLazy: take("?") };
    }
    return repeatedNode;
  }

  function quantifier(): readonly [number, number] | undefined {
    if (take("*")) return [0, Number.POSITIVE_INFINITY];
    if (take("+")) return [1, Number.POSITIVE_INFINITY];
    if (take("?")) return [0, 1];
    const match = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(source.slice(at, at + 12));
    if (!match) return undefined;
    at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (least > maxCount || (most > maxCount && most !== Number.POSITIVE_INFINITY))
      fail(`a count may be at most ${maxCount}`);
    if (most < least) fail("a count ends before it begins");
    return [least, most];
  }

  function atom(): Node {
    const char = source[at] ?? "";
    if (take("(")) {
      if (!take("?:") && source[at] === "?") fail("look-around, named groups and flags are not supported");
      const node = choice();
      if (!take(")")) fail("a group is not closed");
      return node;
    }
    if (take("[")) return { type: "char", set: classSet() };
    at++;
    if (char === ".") return { type: "char", set: anyButNewline };
    if (char === "^" || char === "$") return { type: "assert", what: assertions[char] ?? "start" };
    if ("*+?".includes(char)) fail("there is nothing to repeat");
    if (char !== "\\") return { type: "char", set: setOf(char, ignoresCase) };
    const escaped = source[at] ?? fail("it ends in a backslash");
    if (escaped === "b" || escaped === "B") {
      at++;
      return { type: "assert", what: assertions[escaped] ?? "boundary" };
    }
    return { type: "char", set: escapedSet() };
  }

  /** Behind a backslash. */
  function escapedSet(): CharSet {
    const char = source[at++] ?? fail("it ends in a backslash");
    const known = classOf(char);
    if (known) return known;
    if (/[1-9k]/.test(char)) fail("back-references are not supported");
    return setOf(escapedChar(char), ignoresCase);
  }

  function escapedChar(char: string): string {
    const code = char === "x" ? /^[0-9a-f]{2}/i : char === "u" ? /^[0-9a-f]{4}/i : undefined;
    if (!code) return controls[char] ?? (/[a-zA-Z]/.test(char) ? fail(`\\${char} is not known`) : char);
    const digits = code.exec(source.slice(at, at + 4))?.[0] ?? fail(`\\${char} needs its digits`);
    at += digits.length;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  function classSet(): CharSet {
    const isNegated = take("^");
    const sets: CharSet[] = [];
    while (!take("]")) {
      if (at >= source.length) fail("a class is not closed");
      const first = classItem();
      if (typeof first !== "string") sets.push(first);
      else if (source[at] === "-" && source[at + 1] !== "]" && at + 1 < source.length) {
        at++;
        const last = classItem();
        if (typeof last !== "string" || last < first) fail("a range ends before it begins");
        sets.push(setOf(first, ignoresCase, String(last)));
      } else sets.push(setOf(first, ignoresCase));
    }
    return joinSets(sets, isNegated);
  }

  function classItem(): string | CharSet {
    const char = source[at++] ?? "";
    if (char !== "\\") return char;
    const escaped = source[at++] ?? fail("it ends in a backslash");
    return classOf(escaped) ?? (escaped === "b" ? "\b" : escapedChar(escaped));
  }

  const node = choice();
  if (at < source.length) fail("a group is closed that was not opened");
  return node;
}

function emit(program: Step[], node: Node): void {
  if (program.length > maxSteps) throw new PatternError("it is too large: use smaller counts");
  if (node.type === "char") program.push({ op: "char", set: node.set });
  else if (node.type === "assert") program.push({ op: "assert", what: node.what });
  else if (node.type === "sequence") for (const one of node.nodes) emit(program, one);
  else if (node.type === "choice") emitChoice(program, node.nodes);
  else if (node.type === "repeat") emitRepeat(program, node);
}

function emitChoice(program: Step[], [first = { type: "empty" }, ...others]: readonly Node[]): void {
  if (others.length === 0) {
    emit(program, first);
    return;
  }
  const fork: Step = { op: "fork", to: program.length + 1, or: 0 };
  program.push(fork);
  emit(program, first);
  const jump: Step = { op: "jump", to: 0 };
  program.push(jump);
  fork.or = program.length;
  emitChoice(program, others);
  jump.to = program.length;
}

function emitRepeat(program: Step[], { node, least, most, isLazy }: Extract<Node, { type: "repeat" }>): void {
  for (let n = 0; n < least; n++) emit(program, node);
  const isEndless = most === Number.POSITIVE_INFINITY;
  const forks: Extract<Step, { op: "fork" }>[] = [];
  for (let n = least; n < (isEndless ? least + 1 : most); n++) {
    const at = program.length;
    const fork: Extract<Step, { op: "fork" }> = { op: "fork", to: at + 1, or: at + 1 };
    program.push(fork);
    forks.push(fork);
    emit(program, node);
    if (isEndless) program.push({ op: "jump", to: at });
  }
  for (const fork of forks) {
    if (isLazy) fork.to = program.length;
    else fork.or = program.length;
  }
}
