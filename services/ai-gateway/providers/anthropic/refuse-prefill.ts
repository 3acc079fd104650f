import { refuseField } from "../../call/refuse-field.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";

/**
 * Models of Anthropic that do not continue an answer which is begun for them: 4.6 and all after it
 * (platform.claude.com/docs/en/about-claude/models/migration-guide, "Prefill removal"), whoever offers them.
 */
const neverContinues = /claude-[a-z]+-(?:4[-.](?:[6-9]|[1-9]\d)|[5-9]|[1-9]\d)(?!\d)/;

/** Of a model of Anthropic's: whether it goes on with an answer that is begun for it. */
export function continuesAnswers(upstreamName: string): boolean {
  return !neverContinues.test(upstreamName);
}

/**
 * Throws `invalid_request` where the last message is the assistant's and the model would refuse it. Another target may take it, so it is
 * said before anything is sent.
 */
export function refusePrefill(messages: unknown, upstreamName: string): void {
  if (!Array.isArray(messages) || continuesAnswers(upstreamName)) return;
  if (fieldOf(messages.at(-1), "role") !== "assistant") return;
  throw refuseField(
    `messages[${messages.length - 1}].role`,
    "must not be 'assistant' in the last message: this model does not continue an answer that is begun for it",
    "最后一条消息的角色不能是“assistant”：此模型不续写已预填的回答",
  );
}
