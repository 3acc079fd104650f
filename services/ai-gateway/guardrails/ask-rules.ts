import type { AnswerText } from "./answer-texts.ts";
import type { Rule } from "./compile-rule.ts";
import type { Findings } from "./findings.ts";
import type { AskingSpec, Side } from "./guardrail.ts";
import { type Judge, type JudgedCall, JudgeError, type Verdict } from "./judge.ts";

/** The rules of one side of a call that ask others, and what they need for it. */
export interface Asking {
  readonly rules: readonly Rule<AskingSpec>[];
  readonly side: Side;
  readonly findings: Findings;
  readonly judge: Judge;
  readonly call: JudgedCall;
}

interface AskedTexts {
  readonly texts: readonly string[];
  /** What was said right before each of them, and has left; nothing unless given. */
  readonly before?: readonly string[];
  /** False for what cannot stand in the place of a text; everything can unless given. */
  isFit?(text: string, n: number): boolean;
}

/**
 * The texts as the rules will have them. Those that are `asked_first` are asked one after the other, and what they replace is replaced
 * before the others are asked, who are all asked at once. The strictest holds: who blocks ends the questions to the others. Of several
 * that replace one text, those behind the first are asked again, in their order, about what stands there by then. Texts without anything
 * to see are nobody's to judge. Throws `guardrail_blocked`, `guardrail_failed`, and the signal's reason.
 */
export async function askRules(
  { rules, side, findings, judge, call }: Asking,
  { texts, before = [], isFit = () => true }: AskedTexts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const asked = texts.flatMap((text, n) => (/\S/.test(text) ? [n] : []));
  const now = [...texts];
  if (asked.length === 0) return now;
  for (const rule of rules.filter(isAskedFirst)) follow(await ask(rule, signal), rule);
  const others = rules.filter((rule) => !isAskedFirst(rule));
  const replaced = new Set<number>();
  for (const { rule, judged } of await askAtOnce(others)) {
    const changed = changedBy(judged);
    const isBehind = rule.guardrail.spec.action === "block" && changed.some((n) => replaced.has(n));
    for (const n of follow(isBehind ? await ask(rule, signal) : judged, rule)) replaced.add(n);
  }
  return now;

  async function ask(rule: Rule<AskingSpec>, until: AbortSignal): Promise<Judged | undefined> {
    const { spec } = rule.guardrail;
    const shown = asked.map((n) => now[n] ?? "");
    const verdict = await findings.ask(rule, side, async (leftMs) => {
      const given = await judge(rule, {
        ...{ side, call, signal: until, limitMs: Math.min(spec.timeout_ms, leftMs) },
        ...{ texts: shown, before: asked.map((n) => before[n] ?? "") },
      });
      if (given.action === "replace" && given.texts.some((text, at) => !isFit(text, asked[at] ?? 0))) {
        throw new JudgeError("malformed");
      }
      return given;
    });
    return verdict && { verdict, shown };
  }

  /** In their order, once all have answered; none is waited for when one of them ends the call. */
  async function askAtOnce(some: readonly Rule<AskingSpec>[]) {
    const ended = new AbortController();
    const until = some.length > 1 ? AbortSignal.any([signal, ended.signal]) : signal;
    const asking = some.map(async (rule) => {
      const judged = await ask(rule, until);
      if (judged?.verdict.action === "block") follow(judged, rule);
      return { rule, judged: judged?.verdict.action === "block" ? undefined : judged };
    });
    try {
      return await Promise.all(asking);
    } catch (err) {
      ended.abort(err);
      await Promise.allSettled(asking);
      throw err;
    }
  }

  function changedBy(judged: Judged | undefined): readonly number[] {
    if (judged?.verdict.action !== "replace") return [];
    const { verdict, shown } = judged;
    return asked.filter((_, at) => verdict.texts[at] !== shown[at]);
  }

  /** Gives the texts that something else stands for now. */
  function follow(judged: Judged | undefined, rule: Rule<AskingSpec>): readonly number[] {
    if (!judged || judged.verdict.action === "allow") return [];
    const { verdict } = judged;
    const { reason } = verdict;
    if (verdict.action === "block") {
      findings.note(rule, side, { reason });
      return [];
    }
    const changed = changedBy(judged);
    if (changed.length === 0) return [];
    const isDone = rule.guardrail.spec.action === "block";
    findings.note(rule, side, { count: changed.length, action: isDone ? "mask" : "flag", reason });
    if (!isDone) return [];
    for (const n of changed) now[n] = verdict.texts[asked.indexOf(n)] ?? "";
    return changed;
  }
}

/** A verdict, and the texts that it is of. */
interface Judged {
  readonly verdict: Verdict;
  readonly shown: readonly string[];
}

function isAskedFirst({ guardrail: { spec } }: Rule<AskingSpec>): boolean {
  return spec.kind === "webhook" && spec.asked_first;
}

/** Of what has left, so much is shown with what follows. */
const shownBefore = 500;

interface Said {
  readonly channel: string;
  readonly parts: readonly AnswerText[];
  readonly text: string;
}

/**
 * The same for what an answer says, or a part of it: what goes on from one another is one text. `before` holds what has left of each
 * channel, and gets what is about to. True where something was changed.
 */
export async function askAboutAnswer(
  asking: Asking,
  found: readonly AnswerText[],
  before: Map<string, string>,
  signal: AbortSignal,
): Promise<boolean> {
  const said = toSaid(found);
  const texts = said.map(({ text }) => text);
  const judged = await askRules(
    asking,
    {
      texts,
      before: said.map(({ channel }) => before.get(channel) ?? ""),
      isFit: (text, n) => said[n]?.parts[0]?.kind === "text" || isJsonLike(text, texts[n] ?? ""),
    },
    signal,
  );
  said.forEach(({ channel, parts, text }, n) => {
    const changed = judged[n] ?? text;
    before.set(channel, ((before.get(channel) ?? "") + changed).slice(-shownBefore));
    if (changed === text) return;
    for (const [at, part] of parts.entries()) {
      part.set(part.kind === "object" ? JSON.parse(changed) : at === 0 ? changed : "");
    }
  });
  return judged.some((text, n) => text !== texts[n]);
}

function toSaid(found: readonly AnswerText[]): readonly Said[] {
  const said = Map.groupBy(found, (text) => (text.kind === "object" ? text : text.channel));
  return [...said.values()].map((parts) => ({
    channel: parts[0]?.channel ?? "",
    parts,
    text: parts.map(({ kind, value }) => (kind === "object" ? JSON.stringify(value) : String(value))).join(""),
  }));
}

/** A tool takes no other arguments than JSON; where the model has written none, anything may stand. */
function isJsonLike(text: string, original: string): boolean {
  const isJson = (it: string) => {
    try {
      JSON.parse(it);
      return true;
    } catch {
      return false;
    }
  };
  return isJson(text) || !isJson(original);
}
