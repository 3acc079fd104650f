import type { Clock } from "@lyss/kit/service/clock.ts";
import { compileRule, type Rule } from "../guardrails/compile-rule.ts";
import { createFindings } from "../guardrails/findings.ts";
import { type GuardrailSpec, guardrailSchema } from "../guardrails/guardrail.ts";
import { createPlaceholders } from "../guardrails/placeholders.ts";
import { filterText } from "../guardrails/text-filter.ts";
import type { BodyPolicySpec } from "./body-policy.ts";

/**
 * Takes out of a parsed body what is not to be kept, wherever it stands, in texts and numbers, and puts how long they were in place of
 * pictures, sounds and files. Others have their turn meanwhile. Throws a Failure for what cannot be looked at in its time.
 */
export type Redaction = (json: unknown) => Promise<unknown>;

/** What a policy takes out: nothing but media where it says so. */
export function createRedaction({ redaction }: Pick<BodyPolicySpec, "redaction">, clock: Clock): Redaction {
  const rules = rulesOf(redaction);
  return async (json) => {
    const known = new Map<string, string>();
    collectTexts(json, known);
    if (rules.length > 0) {
      // Marks say what stood there and cannot be turned back: of an answer, nothing is put back.
      const findings = createFindings(clock);
      const parts = { rules, side: "answer" as const, findings, placeholders: createPlaceholders(Buffer.alloc(32)) };
      for (const text of known.keys()) known.set(text, await filterText(parts, text));
    }
    return replaceTexts(json, known);
  };
}

const lookLimitMs = 30_000;

function rulesOf({ pii, words, patterns }: BodyPolicySpec["redaction"]): readonly Rule[] {
  const common = { action: "mask", on_error: "closed", latency_budget_ms: lookLimitMs };
  const specs = [
    ...(pii.length > 0 ? [{ kind: "pii", types: pii, ...common }] : []),
    ...(words.length > 0 ? [{ kind: "words", words, ...common }] : []),
    ...(patterns.length > 0 ? [{ kind: "patterns", patterns, ...common }] : []),
  ].map((spec): GuardrailSpec => guardrailSchema.parse(spec));
  const made = { tenantId: "", credentialId: "", version: 1, updatedAt: new Date(0) };
  return specs.map((spec) => compileRule({ ...made, name: spec.kind, spec }));
}

/** No number of fewer digits says who somebody is. */
const shortestNumber = 1_000_000;
const maxDepth = 200;
const mediaPattern = /^data:([\w.+-]+\/[\w.+-]+)?(;[\w=.-]+)*;base64,/;
const minMediaLength = 1_024;

/** A picture, sound or file in letters; undefined for a text. */
function toMediaMark(text: string): string | undefined {
  const [head, type = "data"] = mediaPattern.exec(text) ?? [];
  if (head !== undefined) return `[${type}, ${bytesOf(text.length - head.length)} bytes]`;
  if (text.length < minMediaLength || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  return `[data, ${bytesOf(text.length)} bytes]`;
}

function bytesOf(base64Length: number): number {
  return Math.floor((base64Length * 3) / 4);
}

/** The JSON inside a text, such as the arguments of a tool; undefined for a text that is none. */
function parseInside(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

function collectTexts(value: unknown, known: Map<string, string>, depth = 0): void {
  if (depth > maxDepth) throw new RangeError("a body is nested too deeply to be looked at");
  if (typeof value === "string") {
    const inside = parseInside(value);
    if (inside) collectTexts(inside, known, depth + 1);
    else if (toMediaMark(value) === undefined) known.set(value, value);
  } else if (typeof value === "number" && Math.abs(value) >= shortestNumber) {
    known.set(String(value), String(value));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, it] of Object.entries(value)) {
      if (!Array.isArray(value)) known.set(name, name);
      collectTexts(it, known, depth + 1);
    }
  }
}

function replaceTexts(value: unknown, known: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") {
    const inside = parseInside(value);
    if (inside) {
      const changed = JSON.stringify(replaceTexts(inside, known));
      return changed === JSON.stringify(inside) ? value : changed;
    }
    return toMediaMark(value) ?? known.get(value) ?? value;
  }
  if (typeof value === "number") {
    const text = known.get(String(value));
    return text === undefined || text === String(value) ? value : text;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((it) => replaceTexts(it, known));
  return Object.fromEntries(
    Object.entries(value).map(([name, it]) => [known.get(name) ?? name, replaceTexts(it, known)]),
  );
}
