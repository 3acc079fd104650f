import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Rule } from "./compile-rule.ts";
import type { GuardrailKind, Side } from "./guardrail.ts";

/** What a rule has found in a call, without what it was. */
export interface Finding {
  readonly name: string;
  readonly kind: GuardrailKind;
  readonly version: number;
  readonly isOfPlatform: boolean;
  readonly side: Side;
  /** What became of it; `error` where the rule could not look. */
  readonly action: "block" | "mask" | "flag" | "error";
  readonly count: number;
}

/** The header by which a caller hears what was found in its request, such as `secrets=mask:2, tone=flag:1`. */
export const guardrailsHeader = "lyss-guardrails";

export function toGuardrailsHeader(findings: readonly Finding[]): string {
  return findings.map(({ name, action, count }) => `${name}=${action}:${count}`).join(", ");
}

/** What the rules of one call find, and the time they take. */
export interface Findings {
  /** Throws `guardrail_blocked` for a rule that blocks. */
  note(rule: Rule, side: Side, count?: number): void;
  /**
   * Runs what a rule does and counts its time. Undefined, without running it, for a rule whose budget is spent and that fails open; one
   * that fails closed throws `guardrail_failed`.
   */
  spend<T>(rule: Rule, side: Side, run: () => T): T | undefined;
  /** What was found since it was asked last. */
  take(): readonly Finding[];
}

export function createFindings(clock: Pick<Clock, "monotonicMs">): Findings {
  const found = new Map<string, Finding>();
  const spentMs = new Map<Rule, number>();

  function add(rule: Rule, side: Side, action: Finding["action"], count: number): void {
    const { name, version, tenantId, spec } = rule.guardrail;
    const key = `${tenantId} ${name} ${side} ${action}`;
    const before = found.get(key)?.count ?? 0;
    const named = { name, kind: spec.kind, version, isOfPlatform: tenantId === "" };
    found.set(key, { ...named, side, action, count: before + count });
  }

  return {
    note(rule, side, count = 1) {
      const { name, spec } = rule.guardrail;
      add(rule, side, spec.action, count);
      if (spec.action === "block") throw new Failure(aiGatewayFailures.guardrail_blocked, { guardrail: name, side });
    },
    spend(rule, side, run) {
      const { name, spec } = rule.guardrail;
      const spent = spentMs.get(rule) ?? 0;
      if (spent > spec.latency_budget_ms) {
        if (spec.on_error === "open") return undefined;
        throw new Failure(aiGatewayFailures.guardrail_failed, { guardrail: name });
      }
      const startedMs = clock.monotonicMs();
      const result = run();
      const now = spent + clock.monotonicMs() - startedMs;
      spentMs.set(rule, now);
      if (now > spec.latency_budget_ms) add(rule, side, "error", 1);
      return result;
    },
    take() {
      const all = [...found.values()];
      found.clear();
      return all;
    },
  };
}
