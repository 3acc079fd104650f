import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Rule } from "./compile-rule.ts";
import { createFindings, type Finding } from "./findings.ts";
import { looksAt, type Side } from "./guardrail.ts";
import type { Guardrails } from "./guardrails.ts";
import { createPlaceholders } from "./placeholders.ts";
import { filterText } from "./text-filter.ts";

export interface TextToTry {
  readonly tenantId: string;
  readonly text: string;
  readonly side: Side;
  /** Only this one; every rule that is in force for the tenant unless given. */
  readonly name: string | undefined;
}

export interface TriedText {
  readonly isBlocked: boolean;
  /** As it would leave; empty where it would not. */
  readonly text: string;
  readonly findings: readonly Finding[];
}

/** What the rules make of a text, whichever calls they are for. Nothing is counted, told or charged. Throws `guardrail_not_found`. */
export async function tryGuardrails(guardrails: Guardrails, given: TextToTry): Promise<TriedText> {
  const { tenantId, side, name, text } = given;
  const all = guardrails.rulesOf(tenantId).filter(({ guardrail }) => name === undefined || guardrail.name === name);
  if (name !== undefined && all.length === 0) throw new Failure(aiGatewayFailures.guardrail_not_found, { name });
  const rules = all.filter(({ guardrail }) => guardrail.spec.enabled && looksAt(guardrail, side));
  const findings = createFindings(guardrails.clock);
  const parts = { rules, side, findings, placeholders: createPlaceholders(guardrails.keyOf(tenantId)) };
  try {
    const passed = await filterText(parts, text);
    if (side === "answer") checkWhole(rules, text, findings);
    return { isBlocked: false, text: passed, findings: findings.take() };
  } catch (err) {
    if (!isFailure(err, aiGatewayFailures.guardrail_blocked) && !isFailure(err, aiGatewayFailures.guardrail_failed))
      throw err;
    return { isBlocked: true, text: "", findings: findings.take() };
  }
}

function checkWhole(rules: readonly Rule[], text: string, findings: ReturnType<typeof createFindings>): void {
  for (const rule of rules) if (rule.checkAnswer?.(text) === false) findings.note(rule, "answer");
}
