import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Rule } from "./compile-rule.ts";
import type { GuardrailKind, Side } from "./guardrail.ts";
import { JudgeError } from "./judge.ts";

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
  /** What a webhook or model says of it, or why the rule could not look; a short code. */
  readonly reason?: string | undefined;
}

/** The header by which a caller hears what was found in its request, such as `secrets=mask:2, tone=flag:1`. */
export const guardrailsHeader = "lyss-guardrails";

export function toGuardrailsHeader(findings: readonly Finding[]): string {
  return findings.map(({ name, action, count }) => `${name}=${action}:${count}`).join(", ");
}

const { insufficient_balance, budget_exceeded, quota_exceeded } = billingFailures;
const moneyFailures = [insufficient_balance, budget_exceeded, quota_exceeded];

/** What the rules of one call find, and the time they take. */
export interface Findings {
  /** Once, and as the rule's action has it, unless something else is given. Throws `guardrail_blocked` for what blocks. */
  note(rule: Rule, side: Side, given?: Partial<Pick<Finding, "count" | "action" | "reason">>): void;
  /**
   * Runs what a rule does and counts its time. Undefined, without running it, for a rule whose budget is spent and that fails open; one
   * that fails closed throws `guardrail_failed`.
   */
  spend<T>(rule: Rule, side: Side, run: () => T): T | undefined;
  /**
   * The same for a rule that asks somebody else: `run` has so many milliseconds, and throws a JudgeError where no verdict came. After one
   * a rule that fails open is not asked again in the call.
   */
  ask<T>(rule: Rule, side: Side, run: (leftMs: number) => Promise<T>): Promise<T | undefined>;
  /**
   * Undefined, and told as an error, for a rule that fails open; throws `guardrail_failed` for one that fails closed, or why a request
   * has no money for a model that is asked.
   */
  fail(rule: Rule, side: Side, err: JudgeError): undefined;
  /** What was found since it was asked last. */
  take(): readonly Finding[];
}

export function createFindings(clock: Pick<Clock, "monotonicMs">): Findings {
  const found = new Map<string, Finding>();
  const spentMs = new Map<Rule, number>();
  const failed = new Set<Rule>();

  function add(rule: Rule, side: Side, action: Finding["action"], count: number, reason?: string): void {
    const { name, version, tenantId, spec } = rule.guardrail;
    const key = `${tenantId} ${name} ${side} ${action} ${reason}`;
    const before = found.get(key)?.count ?? 0;
    const named = { name, kind: spec.kind, version, isOfPlatform: tenantId === "" };
    found.set(key, { ...named, side, action, count: before + count, ...(reason !== undefined && { reason }) });
  }

  function fail(rule: Rule, side: Side, err: JudgeError): undefined {
    const { name, spec } = rule.guardrail;
    add(rule, side, "error", 1, err.fault);
    failed.add(rule);
    if (spec.on_error === "open") return;
    // Who has no money for the question has none for the call.
    if (side === "request" && moneyFailures.some((type) => isFailure(err.cause, type))) throw err.cause;
    throw new Failure(aiGatewayFailures.guardrail_failed, { guardrail: name }, { cause: err });
  }

  return {
    fail,
    note(rule, side, { count = 1, action = rule.guardrail.spec.action, reason } = {}) {
      const { name } = rule.guardrail;
      add(rule, side, action, count, reason);
      if (action === "block") throw new Failure(aiGatewayFailures.guardrail_blocked, { guardrail: name, side });
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
    async ask(rule, side, run) {
      if (failed.has(rule)) return undefined;
      const spent = spentMs.get(rule) ?? 0;
      const leftMs = rule.guardrail.spec.latency_budget_ms - spent;
      const startedMs = clock.monotonicMs();
      try {
        if (leftMs <= 0) throw new JudgeError("timeout");
        return await run(leftMs);
      } catch (err) {
        if (err instanceof JudgeError) return fail(rule, side, err);
        throw err;
      } finally {
        spentMs.set(rule, spent + clock.monotonicMs() - startedMs);
      }
    },
    take() {
      const all = [...found.values()];
      found.clear();
      return all;
    },
  };
}
