import { isAbsent, readList, readObject, readOptional, readText } from "../dialects/request-fields.ts";
import { responsesFormat } from "./responses/reasoning-items.ts";

/** A thought as its provider signed it, or sealed; each is good for the model that thought it. */
export type ReasoningDetail =
  | { readonly type: "reasoning.text"; readonly text: string; readonly signature: string }
  | { readonly type: "reasoning.encrypted"; readonly data: string };

/**
 * Chat's place for thoughts that have to be sent back byte for byte is `reasoning_details` of a message, as OpenRouter has it
 * (openrouter.ai/docs/use-cases/reasoning-tokens). Gives those that are signed or sealed; others are for people. Throws `invalid_request`.
 */
export function readReasoningDetails(value: unknown, path: string): readonly ReasoningDetail[] {
  if (isAbsent(value)) return [];
  return readList(value, path).flatMap((item, n): ReasoningDetail[] => {
    const at = `${path}[${n}]`;
    const detail = readObject(item, at);
    const type = readText(detail["type"], `${at}.type`);
    // What OpenAI has sealed is nobody else's.
    if (detail["format"] === responsesFormat) return [];
    if (type === "reasoning.encrypted") return [{ type, data: readText(detail["data"], `${at}.data`) }];
    const signature = readOptional(detail["signature"], `${at}.signature`, readText);
    if (type !== "reasoning.text" || signature === undefined) return [];
    return [{ type, text: readText(detail["text"], `${at}.text`), signature }];
  });
}
