import type { Detector, Match } from "./detector.ts";
import type { AskingSpec, Guardrail, GuardrailSpec } from "./guardrail.ts";
import { injectionPatterns } from "./injection-patterns.ts";
import { compileSchema } from "./json-schema.ts";
import { createPatternDetector } from "./pattern-detector.ts";
import { createPiiDetector } from "./pii-detector.ts";
import { createWordDetector } from "./word-detector.ts";

/** A guardrail that is ready to look at calls. */
export interface Rule<Spec extends GuardrailSpec = GuardrailSpec> {
  readonly guardrail: Guardrail & { readonly spec: Spec };
  /** What looks at texts as they come. */
  readonly detectors: readonly Detector[];
  /** What looks at a whole answer; undefined for a kind that does not have to. */
  readonly checkAnswer: ((text: string) => boolean) | undefined;
}

export function compileRule(guardrail: Guardrail): Rule {
  const { spec } = guardrail;
  return {
    guardrail,
    detectors: detectorsOf(spec),
    checkAnswer: spec.kind === "schema" ? createAnswerCheck(spec.schema) : undefined,
  };
}

/** True for a rule that asks somebody outside of this process. */
export function isAsking(rule: Rule): rule is Rule<AskingSpec> {
  const { kind } = rule.guardrail.spec;
  return kind === "webhook" || kind === "model";
}

/** Says whether a text is JSON that keeps to the schema. */
function createAnswerCheck(schema: Readonly<Record<string, unknown>>): (text: string) => boolean {
  const keepsTo = compileSchema(schema);
  return (text) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return false;
    }
    return keepsTo(json);
  };
}

function detectorsOf(spec: GuardrailSpec): readonly Detector[] {
  switch (spec.kind) {
    case "words":
      return [createWordDetector(spec.words, "word")];
    case "patterns":
      return spec.patterns.map((pattern) => createPatternDetector(pattern, "text", spec.ignore_case));
    case "pii":
      return [createPiiDetector(spec.types)];
    case "injection":
      return injectionPatterns.map((pattern) => createPatternDetector(pattern, "injection"));
    case "schema":
    case "webhook":
    case "model":
      return [];
  }
}

/** A match, and whose it is. */
export interface RuleMatch extends Match {
  readonly rule: Rule;
}
