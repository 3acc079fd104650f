import { parseJsonBody } from "@lyss/kit/http/json-body.ts";
import { z } from "zod";
import type { Guardrail } from "./guardrail.ts";
import { JudgeError, type Question, type Verdict } from "./judge.ts";
import { reasonPattern } from "./reason-pattern.ts";

const reason = z.string().regex(reasonPattern);
const replySchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("allow") }),
  z.strictObject({ action: z.literal("block"), reason }),
  z.strictObject({ action: z.literal("replace"), texts: z.array(z.string()), reason: reason.optional() }),
]);

/** What is sent: an event as Standard Webhooks has it (`type`, `timestamp`, `data`). */
export function toWebhookBody({ name }: Pick<Guardrail, "name">, question: Question, nowMs: number): Buffer {
  const { side, texts, before, call } = question;
  const { callId, requestId, model, caller } = call;
  const data = {
    ...{ guardrail: name, stage: side, texts, before, model, call_id: callId, request_id: requestId },
    ...{ tenant_id: caller.tenantId, key_id: caller.keyId, user_id: caller.userId, trial: callId === "" },
  };
  const said = { type: `guardrail.${side}`, timestamp: new Date(nowMs).toISOString(), data };
  return Buffer.from(JSON.stringify(said));
}

/** The verdict in a reply, to `count` texts. Throws a JudgeError for everything that is not exactly one. */
export function readWebhookReply(body: Buffer, count: number): Verdict {
  let json: unknown;
  try {
    json = parseJsonBody(body);
  } catch (cause) {
    throw new JudgeError("malformed", { cause });
  }
  const { success, data } = replySchema.safeParse(json);
  if (!success || (data.action === "replace" && data.texts.length !== count)) throw new JudgeError("malformed");
  return data;
}
