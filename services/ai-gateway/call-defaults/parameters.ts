import { z } from "zod";
import { type Fields, isAbsent } from "../dialects/request-fields.ts";

/** Dialects that have parameters of an answer in their requests. */
export type ParameterDialect = "chat" | "gemini" | "messages" | "responses";

/** What is said of an answer in every dialect, by chat's names. */
export const parametersSchema = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_tokens: z.int().min(1).max(10_000_000).optional().describe("The most tokens of an answer."),
});

export type Parameters = z.output<typeof parametersSchema>;

/** What each is called there; the first is written, and any of them says that the caller has chosen. */
const namesByDialect: Readonly<Record<ParameterDialect, Readonly<Record<keyof Parameters, readonly string[]>>>> = {
  chat: { temperature: ["temperature"], top_p: ["top_p"], max_tokens: ["max_tokens", "max_completion_tokens"] },
  messages: { temperature: ["temperature"], top_p: ["top_p"], max_tokens: ["max_tokens"] },
  responses: { temperature: ["temperature"], top_p: ["top_p"], max_tokens: ["max_output_tokens"] },
  gemini: {
    temperature: ["temperature"],
    top_p: ["topP", "top_p"],
    max_tokens: ["maxOutputTokens", "max_output_tokens"],
  },
};

/** Those of which `fields` says nothing, by their names in the dialect. */
export function missingParameters(parameters: Parameters, dialect: ParameterDialect, fields: Fields): Fields {
  const names = namesByDialect[dialect];
  const missing: [string, unknown][] = [];
  for (const name of Object.keys(names) as (keyof Parameters)[]) {
    const known = names[name];
    const [written = name] = known;
    if (parameters[name] !== undefined && known.every((it) => isAbsent(fields[it]))) {
      missing.push([written, parameters[name]]);
    }
  }
  return Object.fromEntries(missing);
}
