import { z } from "zod";
import { toCamel } from "../dialects/gemini/content-fields.ts";
import { toJsonSchema } from "../dialects/gemini/content-schema.ts";
import { type Answer, type Choice, type Piece, usageOf } from "./answer.ts";
import type { Frame } from "./delivery.ts";
import type { Behaviour } from "./directives.ts";
import {
  callsOf,
  eventStream,
  hasCalls,
  parseInput,
  saidBy,
  thoughtOf,
  thoughtSignature,
  toAssistantMessage,
  toChatCall,
  toChatFormat,
  toChatTool,
  toFrame,
  toImagePart,
  toNamedChoice,
  toUserMessages,
  type VendorForm,
} from "./vendor-form.ts";
import { badRequest } from "./wire-error.ts";

/** As ProtoJSON has it: names are understood in `snake_case`, too. */
function message<Shape extends z.ZodRawShape>(shape: Shape) {
  const rename = (value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([name, held]) => [toCamel(name), held]))
      : value;
  return z.preprocess(rename, z.looseObject(shape));
}

const text = z.string();
const part = message({
  text: text.optional(),
  inlineData: message({ mimeType: text, data: text }).optional(),
  functionCall: message({ id: text.optional(), name: text, args: z.unknown().optional() }).optional(),
  functionResponse: message({ id: text.optional(), name: text, response: z.looseObject({}) }).optional(),
});
const content = message({ role: z.enum(["user", "model"]).optional(), parts: z.array(part).min(1) });
const count = z.int().optional();
const schema = message({
  contents: z.array(content).min(1),
  systemInstruction: message({ parts: z.array(part) }).optional(),
  tools: z
    .array(
      message({
        functionDeclarations: z
          .array(
            message({
              name: text,
              parameters: z.looseObject({}).optional(),
              parametersJsonSchema: z.looseObject({}).optional(),
            }),
          )
          .optional(),
      }),
    )
    .optional(),
  toolConfig: message({
    functionCallingConfig: message({
      mode: z.enum(["AUTO", "ANY", "NONE", "VALIDATED"]).optional(),
      allowedFunctionNames: z.array(text).optional(),
    }).optional(),
  }).optional(),
  generationConfig: message({
    maxOutputTokens: count,
    candidateCount: count,
    seed: count,
    temperature: z.number().min(0).max(2).optional(),
    topP: z.number().optional(),
    stopSequences: z.array(text).optional(),
    responseMimeType: text.optional(),
    responseSchema: z.looseObject({}).optional(),
    responseJsonSchema: z.looseObject({}).optional(),
  }).optional(),
});
type ContentRequest = z.output<typeof schema>;
type Part = z.output<typeof part>;

/** Google's `generateContent` (ai.google.dev/api/generate-content), as AI Studio and Vertex AI offer it. */
export const contentForm: VendorForm = {
  contentType: eventStream,
  toolNames: /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/,
  toChat(body, model) {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    return toChatRequest(parsed.data, model);
  },
  whole: (answer, behaviour) => ({
    candidates: answer.choices.map((choice, index) => toCandidate(answer, choice, index)),
    ...toUsage(answer, behaviour),
    ...toHead(answer),
    ...(behaviour.pad_bytes && { simulatedPadding: "x".repeat(behaviour.pad_bytes) }),
  }),
  frames: toFrames,
  streamError: `data: ${JSON.stringify({ error: { code: 500, message: "Simulated: internal error", status: "INTERNAL" } })}\n\n`,
};

function toChatRequest(request: ContentRequest, model: string): object {
  const { contents, systemInstruction, generationConfig: config = {} } = request;
  const tools = (request.tools ?? []).flatMap(({ functionDeclarations = [] }) =>
    functionDeclarations.map(({ name, parameters, parametersJsonSchema }) =>
      toChatTool(name, parametersJsonSchema ?? (toJsonSchema(parameters) as object | undefined)),
    ),
  );
  /** Calls that nothing was given back for, in their order: a response may name only the function. */
  const open: { readonly id: string; readonly name: string }[] = [];
  return {
    model,
    messages: [
      ...(systemInstruction?.parts ?? []).map((one) => ({ role: "system", content: one.text ?? "" })),
      ...contents.flatMap(({ role, parts }, turn) =>
        role === "model" ? [toAssistant(parts, turn, open)] : toUser(parts, open),
      ),
    ],
    ...{ max_tokens: config.maxOutputTokens, n: config.candidateCount, seed: config.seed, stop: config.stopSequences },
    ...{ temperature: config.temperature, top_p: config.topP },
    ...(tools.length > 0 && { tools, ...toChoice(request.toolConfig?.functionCallingConfig) }),
    ...toFormat(config),
  };
}

type Open = { readonly id: string; readonly name: string }[];

function toAssistant(parts: readonly Part[], turn: number, open: Open): object {
  const calls = parts.flatMap(({ functionCall: call }, n) => {
    if (!call) return [];
    const id = call.id ?? `call_${turn}_${n}`;
    open.push({ id, name: call.name });
    return [toChatCall(id, call.name, call.args)];
  });
  return toAssistantMessage(parts.map((one) => (one["thought"] === true ? "" : (one.text ?? ""))).join(""), calls);
}

function toUser(parts: readonly Part[], open: Open): object[] {
  const results = parts.flatMap(({ functionResponse: given }) => {
    if (!given) return [];
    const at = open.findIndex((call) => (given.id === undefined ? call.name === given.name : call.id === given.id));
    if (at < 0) throw badRequest(null, "Please ensure that function response turn comes right after a function call.");
    const [call] = open.splice(at, 1);
    const { output } = given.response;
    const told = typeof output === "string" ? output : JSON.stringify(given.response);
    return [{ role: "tool", tool_call_id: call?.id, content: told }];
  });
  const said = parts.flatMap(({ text: words, inlineData: data }): object[] => {
    if (data?.mimeType.startsWith("image/")) return [toImagePart(data.mimeType, data.data)];
    if (data?.mimeType.startsWith("audio/")) {
      return [{ type: "input_audio", input_audio: { data: data.data, format: data.mimeType.slice(6) } }];
    }
    if (data) return [{ type: "file", file: { file_data: data.data } }];
    return words === undefined ? [] : [{ type: "text", text: words }];
  });
  return toUserMessages(results, said);
}

function toChoice(config: { mode?: string | undefined; allowedFunctionNames?: string[] | undefined } = {}): object {
  const { mode, allowedFunctionNames: [name, ...others] = [] } = config;
  if (mode === "NONE") return { tool_choice: "none" };
  if (mode !== "ANY") return {};
  return { tool_choice: name !== undefined && others.length === 0 ? toNamedChoice(name) : "required" };
}

function toFormat({ responseMimeType, responseSchema, responseJsonSchema }: Record<string, unknown>): object {
  if (responseMimeType !== "application/json") return {};
  const shape = responseJsonSchema ?? toJsonSchema(responseSchema);
  return { response_format: toChatFormat(shape) };
}

function toHead({ id, model }: Answer) {
  return { modelVersion: model, responseId: id };
}

/** Calls come whole, and the first bears the signature of what was thought. */
function toCallParts(pieces: readonly Piece[]): object[] {
  return callsOf(pieces).map(({ id, name, given }, n) => ({
    functionCall: { id, name, args: parseInput(given) },
    ...(n === 0 && { thoughtSignature }),
  }));
}

function toThoughts(answer: Answer): object[] {
  const thought = thoughtOf(answer);
  return thought === "" ? [] : [{ text: thought, thought: true }];
}

function toCandidate(answer: Answer, choice: Choice, index: number): object {
  const said = saidBy(choice.pieces);
  const parts = [...toThoughts(answer), ...(said === "" ? [] : [{ text: said }]), ...toCallParts(choice.pieces)];
  return { content: { role: "model", parts }, ...toFinish(choice), index };
}

function toFinish({ finishReason }: Choice): { finishReason?: string } {
  if (finishReason === null) return {};
  if (finishReason === "length") return { finishReason: "MAX_TOKENS" };
  return { finishReason: finishReason === "content_filter" ? "SAFETY" : "STOP" };
}

/** Thoughts stand beside the candidates, and the cache within the prompt. */
function toUsage(answer: Answer, { usage: kind }: Behaviour) {
  if (kind === "none") return {};
  const { completion_tokens_details: details, ...usage } = usageOf(answer, kind);
  const thoughts = details.reasoning_tokens;
  const cached = usage.prompt_tokens_details.cached_tokens;
  return {
    usageMetadata: {
      promptTokenCount: usage.prompt_tokens,
      candidatesTokenCount: usage.completion_tokens - thoughts,
      totalTokenCount: usage.total_tokens,
      ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
      ...(cached > 0 && { cachedContentTokenCount: cached }),
    },
  };
}

/** Each event is an answer of its own; the last of each candidate says why it ended. */
function* toFrames(answer: Answer, behaviour: Behaviour): Generator<Frame> {
  const usage = toUsage(answer, behaviour);
  const frame = (index: number, parts: readonly object[], more: object, tokens: number, isEnd = false) => {
    const candidates = [{ content: { role: "model", parts }, ...more, index }];
    return toFrame({ data: { candidates, ...usage, ...toHead(answer) }, tokens }, behaviour, isEnd);
  };
  for (const [index, choice] of answer.choices.entries()) {
    const thoughts = toThoughts(answer);
    if (thoughts.length > 0) yield frame(index, thoughts, {}, 0);
    for (const piece of choice.pieces) if (piece.type === "text") yield frame(index, [{ text: piece.text }], {}, 1);
    const others = choice.pieces.filter(({ type }) => type !== "text");
    if (hasCalls(choice)) yield frame(index, toCallParts(others), {}, others.length);
    yield frame(index, [{ text: "" }], toFinish(choice), 0, index === answer.choices.length - 1);
  }
}
