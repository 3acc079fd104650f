import { Histogram, type Registry } from "prom-client";
import type { Rule } from "./compile-rule.ts";
import type { AskingSpec } from "./guardrail.ts";
import type { Judge, Question, Verdict } from "./judge.ts";
import { createWebhookAsking, type WebhookDeps } from "./webhook-judge.ts";

export type AskedModel = [spec: Extract<AskingSpec, { kind: "model" }>, question: Question];

export interface JudgesDeps extends WebhookDeps {
  readonly metrics: Registry;
  askModel(...asked: AskedModel): Promise<Verdict>;
}

/** Asks those outside of this process whom rules name, and counts how long that takes. */
export function createJudge({ metrics, askModel, ...deps }: JudgesDeps): Judge {
  const { clock } = deps;
  const askWebhook = createWebhookAsking(deps);
  const seconds = new Histogram({
    name: "llm_guardrail_ask_duration_seconds",
    help: "How long webhooks and models that guardrails ask take to answer, by kind and what they say; error for no verdict.",
    labelNames: ["kind", "verdict"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [metrics],
  });

  function ask({ guardrail }: Rule, question: Question): Promise<Verdict> {
    const { spec } = guardrail;
    switch (spec.kind) {
      case "webhook":
        return askWebhook(guardrail, spec.url, question);
      case "model":
        return askModel(spec, question);
      default:
        throw new TypeError(`a guardrail of kind ${spec.kind} asks nobody`);
    }
  }

  return async (rule, question) => {
    const { kind } = rule.guardrail.spec;
    const startedMs = clock.monotonicMs();
    let verdict: Verdict["action"] | "error" = "error";
    try {
      const given = await ask(rule, question);
      verdict = given.action;
      return given;
    } finally {
      seconds.observe({ kind, verdict }, (clock.monotonicMs() - startedMs) / 1_000);
    }
  };
}
