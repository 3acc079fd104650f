import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { askRules } from "./ask-rules.ts";
import { isAsking, type Rule } from "./compile-rule.ts";
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
  /** Who tries it, and pays for models that are asked. */
  readonly caller: Caller;
  readonly requestId: string;
}

export interface TriedText {
  readonly isBlocked: boolean;
  /** As it would leave; empty where it would not. */
  readonly text: string;
  readonly findings: readonly Finding[];
}

const modelCall = "model:call";

/**
 * What the rules make of a text, whichever calls they are for. Nothing is told, and nothing charged but the calls of models that are asked.
 * Throws `guardrail_not_found`, and
 * `kit.permission_denied` for who may not call models where one is asked.
 */
export async function tryGuardrails(guardrails: Guardrails, given: TextToTry): Promise<TriedText> {
  const { tenantId, side, name, text, caller, requestId } = given;
  const all = guardrails.rulesOf(tenantId).filter(({ guardrail }) => name === undefined || guardrail.name === name);
  if (name !== undefined && all.length === 0) throw new Failure(aiGatewayFailures.guardrail_not_found, { name });
  const rules = all.filter(({ guardrail }) => guardrail.spec.enabled && looksAt(guardrail, side));
  if (rules.some(({ guardrail }) => guardrail.spec.kind === "model") && !permits(caller.permissions, modelCall)) {
    throw new Failure(kitFailures.permission_denied, { permission: modelCall });
  }
  const findings = createFindings(guardrails.clock);
  const placeholders = createPlaceholders(guardrails.keyOf(tenantId));
  const parts = { rules: rules.filter((rule) => !isAsking(rule)), side, findings, placeholders };
  const call = { callId: "", requestId, caller, tags: "", model: "" };
  const asking = { rules: rules.filter(isAsking), side, findings, judge: guardrails.judge, call };
  try {
    const passed = await filterText(parts, text);
    if (side === "answer") checkWhole(rules, text, findings);
    const [judged = passed] = await askRules(asking, { texts: [passed] }, new AbortController().signal);
    return { isBlocked: false, text: judged, findings: findings.take() };
  } catch (err) {
    if (!isFailure(err, aiGatewayFailures.guardrail_blocked) && !isFailure(err, aiGatewayFailures.guardrail_failed))
      throw err;
    return { isBlocked: true, text: "", findings: findings.take() };
  }
}

function checkWhole(rules: readonly Rule[], text: string, findings: ReturnType<typeof createFindings>): void {
  for (const rule of rules) if (rule.checkAnswer?.(text) === false) findings.note(rule, "answer");
}
