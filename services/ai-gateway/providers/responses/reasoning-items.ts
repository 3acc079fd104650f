import { fieldOf } from "../../dialects/openai/usage.ts";
import { type Fields, isAbsent, readList, readObject, readText } from "../../dialects/request-fields.ts";
import { textOf } from "../read-answer.ts";

/** What OpenRouter calls thoughts of this API, so that they go back to no other (openrouter.ai/docs/use-cases/reasoning-tokens). */
export const responsesFormat = "openai-responses-v1";

/** The summaries of a thought, or what it says itself where that is shown. */
export function thoughtsOf(item: unknown): readonly string[] {
  const told = [fieldOf(item, "summary"), fieldOf(item, "content")].map((parts) =>
    (Array.isArray(parts) ? parts : []).map((part) => textOf(part, "text")).filter((text) => text !== ""),
  );
  return told.find((texts) => texts.length > 0) ?? [];
}

/** A sealed thought as chat carries it; nothing for one that is not sealed, which nobody takes back. */
export function toReasoningDetails(item: unknown): object[] {
  const data = textOf(item, "encrypted_content");
  if (data === "") return [];
  const mark = { id: textOf(item, "id"), format: responsesFormat };
  const summaries = thoughtsOf(item).map((summary) => ({ type: "reasoning.summary", summary, ...mark }));
  return [...summaries, { type: "reasoning.encrypted", data, ...mark }];
}

/** Sealed thoughts of this API, as it takes them back; those of other vendors are left out. Throws `invalid_request`. */
export function toReasoningItems(value: unknown, path: string): readonly Fields[] {
  if (isAbsent(value)) return [];
  const details = readList(value, path).map((item, n) => readObject(item, `${path}[${n}]`));
  const own = details.filter(({ format }) => format === responsesFormat);
  return own.flatMap((detail): Fields[] => {
    if (detail["type"] !== "reasoning.encrypted") return [];
    const { id } = detail;
    const summary = own.flatMap((one) =>
      one["type"] === "reasoning.summary" && one["id"] === id
        ? [{ type: "summary_text", text: readText(one["summary"], `${path}.summary`) }]
        : [],
    );
    const encrypted_content = readText(detail["data"], `${path}.data`);
    return [{ type: "reasoning", ...(typeof id === "string" && id !== "" && { id }), summary, encrypted_content }];
  });
}
