import { z } from "zod";
import type { Call } from "./call.ts";
import { sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { parseBehaviour } from "./directives.ts";
import { answerEmbedding } from "./embedding.ts";
import { getModelOf } from "./endpoints.ts";
import { parseJsonObject } from "./requests.ts";
import { badRequest } from "./wire-error.ts";

/** A text that is to be embedded, as Google has it (ai.google.dev/api/embeddings). */
export const embedContent = z.strictObject({
  model: z.string().startsWith("models/").optional(),
  content: z.strictObject({
    role: z.string().optional(),
    parts: z.array(z.strictObject({ text: z.string() })).min(1),
  }),
  taskType: z.string().optional(),
  title: z.string().optional(),
  outputDimensionality: z.int().min(1).optional(),
});
const batch = z.strictObject({
  requests: z
    .array(embedContent.required({ model: true }))
    .min(1)
    .max(100),
});

/** What stands at the paths of `embedContent` and `batchEmbedContents`. */
export function serveEmbedContent(modelName: string, verb: string): (call: Call) => Promise<void> {
  return async (call) => {
    const model = getModelOf({ model: modelName }, "embedding");
    const isBatch = verb === "batchEmbedContents";
    const parsed = (isBatch ? batch : embedContent).safeParse(parseJsonObject(call.body));
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    const asked = "requests" in parsed.data ? parsed.data.requests : [parsed.data];
    if (asked.some((one) => one.model !== undefined && one.model !== `models/${model.name}`))
      throw badRequest("requests", "The model of a request must be the one of the path.");
    const input = asked.map(({ content }) => content.parts.map(({ text }) => text).join(""));
    const dimensions = asked[0]?.outputDimensionality;
    const behaviour = call.settle(parseBehaviour(call.directives, input[0] ?? "", {}));
    const { data, usage } = answerEmbedding({ model: model.name, input, dimensions }, model);
    call.note({ model: model.name, isStream: false, promptTokens: usage.prompt_tokens });
    const outlet = call.open(behaviour);
    await waitAsAsked(outlet);
    if (behaviour.error) return sendSimulatedError(outlet, behaviour.error, call.toError);
    const vectors = data.map(({ embedding }) => ({ values: embedding }));
    const promptTokenCount = behaviour.usage === "zero" ? 0 : usage.prompt_tokens;
    await sendJson(outlet, 200, {
      ...(isBatch ? { embeddings: vectors } : { embedding: vectors[0] }),
      ...(behaviour.usage !== "none" && { usageMetadata: { promptTokenCount } }),
    });
  };
}
