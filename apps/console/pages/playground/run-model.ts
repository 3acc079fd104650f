import { createChatCompletionApiV1Ai, createImageApiV1Ai } from "../../api/gen/client.ts";
import { type Answer, begunAnswer, type Message, type ToolCall } from "./answer.ts";
import { parameterNames, type SetUp, toChoice, toFunction, toNumber } from "./set-up.ts";

/** Told how far an answer is, after each piece. */
export type Tell = (answer: Answer) => void;

interface Delta {
  readonly content?: string | null;
  readonly tool_calls?: readonly {
    readonly index?: number;
    readonly id?: string;
    readonly function?: { readonly name?: string; readonly arguments?: string };
  }[];
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: Delta }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message?: string };
}

/** Asks a model to go on with a conversation. What goes wrong is told, never thrown. */
export async function runChat(
  { model, setUp, messages }: { readonly model: string; readonly setUp: SetUp; readonly messages: readonly Message[] },
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  await run(signal, tell, async (change, startedMs, onHead) => {
    let answer = begunAnswer;
    const body = { model, messages, stream: true, stream_options: { include_usage: true }, ...toFields(setUp) };
    for await (const data of createChatCompletionApiV1Ai.stream({ body }, { signal, onHead })) {
      if (data === "[DONE]") break;
      const { choices, usage, error } = JSON.parse(data) as Chunk;
      if (error) throw new Error(error.message ?? data);
      const sinceMs = performance.now() - startedMs;
      answer = withDelta(answer, choices?.[0]?.delta ?? {}, sinceMs);
      const counted = usage && { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens };
      const { text, toolCalls, firstTokenMs, streamedMs, pieceCount } = answer;
      change({ text, toolCalls, firstTokenMs, streamedMs, pieceCount, ...counted });
    }
  });
}

/** Has a model draw what is described. What goes wrong is told, never thrown. */
export async function runImage(
  { model, setUp, prompt }: { readonly model: string; readonly setUp: SetUp; readonly prompt: string },
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  await run(signal, tell, async (change, _startedMs, onHead) => {
    const size = setUp.imageSize === "auto" ? {} : { size: setUp.imageSize };
    const made = await createImageApiV1Ai(
      { body: { model, prompt, n: setUp.imageCount, ...size } },
      { signal, onHead },
    );
    const { data = [], usage, output_format: format = "png" } = made as unknown as ImageResponse;
    const pictures = data.map(({ b64_json, url = "", revised_prompt = "" }, index) => ({
      ...{
        number: index + 1,
        src: b64_json === undefined ? url : `data:image/${format};base64,${b64_json}`,
        text: revised_prompt,
      },
    }));
    change({ pictures, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens });
  });
}

interface ImageResponse {
  readonly data?: readonly {
    readonly b64_json?: string;
    readonly url?: string;
    readonly revised_prompt?: string;
  }[];
  readonly usage?: { readonly input_tokens?: number; readonly output_tokens?: number };
  readonly output_format?: string;
}

type Work = (
  change: (part: Partial<Answer>) => void,
  startedMs: number,
  onHead: (headers: Headers) => void,
) => Promise<void>;

async function run(signal: AbortSignal, tell: Tell, work: Work): Promise<void> {
  const startedMs = performance.now();
  let answer = begunAnswer;
  const change = (part: Partial<Answer>) => {
    answer = { ...answer, ...part };
    tell(answer);
  };
  change({});
  try {
    await work(change, startedMs, (headers) => change({ callId: headers.get("lyss-call-id") ?? undefined }));
  } catch (problem) {
    if (!signal.aborted) change({ problem });
  }
  change({ isRunning: false, tookMs: performance.now() - startedMs });
}

function withDelta(answer: Answer, { content, tool_calls: calls = [] }: Delta, sinceMs: number): Answer {
  const text = content ?? "";
  if (text === "" && calls.length === 0) return answer;
  const firstTokenMs = answer.firstTokenMs ?? sinceMs;
  const arrived = { firstTokenMs, streamedMs: sinceMs - firstTokenMs, pieceCount: answer.pieceCount + 1 };
  return { ...answer, ...arrived, text: answer.text + text, toolCalls: calls.reduce(withCall, answer.toolCalls) };
}

/** Each piece names the call that it belongs to; a new name begins one. */
function withCall(calls: readonly ToolCall[], piece: NonNullable<Delta["tool_calls"]>[number]): readonly ToolCall[] {
  const {
    index = calls.length - (piece.id === undefined ? 1 : 0),
    id,
    function: { name = "", arguments: more = "" } = {},
  } = piece;
  const known = calls[index];
  const next = known ? { ...known, input: known.input + more } : { id: id ?? `call_${index}`, name, input: more };
  return known ? calls.with(index, next) : [...calls, next];
}

function toFields({ tools, toolChoice, parameters, responseFormat }: SetUp): Readonly<Record<string, unknown>> {
  const set = parameterNames.filter((name) => parameters[name].trim() !== "");
  return {
    ...Object.fromEntries(set.map((name) => [name, toNumber(parameters, name)])),
    ...(tools.length > 0 && { tools: tools.map(toFunction), tool_choice: toChoice(toolChoice) }),
    ...(responseFormat !== "" && { response_format: JSON.parse(responseFormat) }),
  };
}
