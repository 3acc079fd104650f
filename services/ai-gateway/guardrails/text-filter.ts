import { setImmediate } from "node:timers/promises";
import type { Rule, RuleMatch } from "./compile-rule.ts";
import type { Match } from "./detector.ts";
import type { Findings } from "./findings.ts";
import type { Side } from "./guardrail.ts";
import type { Placeholders } from "./placeholders.ts";

/** Passes on a text that comes in pieces, as its rules will have it. What it gives in all does not depend on where the pieces are cut. */
export interface TextFilter {
  /** What may leave by now. Throws `guardrail_blocked` and `guardrail_failed`. */
  push(piece: string): string;
  /** What was held back. */
  end(): string;
}

export interface FilterParts {
  readonly rules: readonly Rule[];
  readonly side: Side;
  readonly findings: Findings;
  readonly placeholders: Placeholders;
}

type Found = (RuleMatch & { readonly isPut: false }) | (Match & { readonly isPut: true });

export function createTextFilter({ rules, side, findings, placeholders }: FilterParts): TextFilter {
  let held = "";
  /** The last unit that has left: a word may not begin behind some. */
  let before = "";

  function scan(text: string, from: number, isEnd: boolean): { found: Found[]; openFrom: number } {
    let openFrom = text.length;
    const found: Found[] = [];
    for (const rule of rules) {
      const scanned = findings.spend(rule, side, () => rule.detectors.map((it) => it.scan(text, from, isEnd)));
      for (const { matches, openFrom: open } of scanned ?? []) {
        openFrom = Math.min(openFrom, open);
        for (const match of matches) found.push({ ...match, rule, isPut: false });
      }
    }
    if (side === "answer" && !placeholders.isEmpty) {
      const { matches, openFrom: open } = placeholders.detector.scan(text, from, isEnd);
      openFrom = Math.min(openFrom, open);
      for (const match of matches) found.push({ ...match, isPut: true });
    }
    return { found, openFrom };
  }

  function pass(isEnd: boolean): string {
    if (held === "" && !isEnd) return "";
    const text = before + held;
    const from = before.length;
    const { found, openFrom } = scan(text, from, isEnd);
    const cut = cutBefore(found, Math.max(from, openFrom));
    const final = found.filter(({ end }) => end <= cut);
    for (const match of final) if (!match.isPut) findings.note(match.rule, side);
    const passed = write(text, from, cut, final);
    held = text.slice(cut);
    before = text.slice(Math.max(0, cut - 1), cut);
    return passed;
  }

  /** What has a place for what it stands for, or is put back; everything else as it is. */
  function write(text: string, from: number, cut: number, final: readonly Found[]): string {
    let written = "";
    let at = from;
    for (const { start, end, label, isPut } of spansOf(final)) {
      const value = text.slice(start, end);
      written += text.slice(at, start);
      if (isPut) written += placeholders.valueOf(label) ?? value;
      else written += side === "request" ? placeholders.put(label, value) : `[${label.toUpperCase()}]`;
      at = end;
    }
    return written + text.slice(at, cut);
  }

  return {
    push(piece) {
      held += piece;
      return pass(false);
    },
    end: () => pass(true),
  };
}

/** The furthest place up to `openFrom` that no match stands across. */
function cutBefore(found: readonly Match[], openFrom: number): number {
  let cut = openFrom;
  for (const { start, end } of found.toSorted((a, b) => b.end - a.end)) if (start < cut && end > cut) cut = start;
  return cut;
}

/** What is masked or put back, each place once: where both are, it is put back. */
function spansOf(found: readonly Found[]): readonly (Match & { readonly isPut: boolean })[] {
  const changing = found.filter((it) => it.isPut || it.rule.guardrail.spec.action === "mask");
  const spans: (Match & { isPut: boolean })[] = [];
  for (const span of changing.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = spans.at(-1);
    if (!last || span.start >= last.end) spans.push({ ...span });
    else if (!last.isPut) spans[spans.length - 1] = { ...last, end: Math.max(last.end, span.end) };
  }
  return spans;
}

/** So much is looked at before others have their turn, and before the clock is looked at. */
const sliceLength = 8_192;

/** A whole text as its rules will have it. Other calls go on meanwhile. */
export async function filterText(parts: FilterParts, text: string): Promise<string> {
  const filter = createTextFilter(parts);
  let passed = "";
  for (let at = 0; at < text.length; at += sliceLength) {
    if (at > 0) await setImmediate();
    passed += filter.push(text.slice(at, at + sliceLength));
  }
  return passed + filter.end();
}

/** The same at once. */
export function filterTextAtOnce(parts: FilterParts, text: string): string {
  const filter = createTextFilter(parts);
  let passed = "";
  for (let at = 0; at < text.length; at += sliceLength) passed += filter.push(text.slice(at, at + sliceLength));
  return passed + filter.end();
}
