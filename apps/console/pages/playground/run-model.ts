import { createChatCompletionApiV1Ai } from "../../api/gen/client.ts";

export interface Question {
  readonly system: string | undefined;
  readonly message: string;
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
}

/** How far an answer is. */
export interface Answer {
  readonly text: string;
  readonly isRunning: boolean;
  readonly problem: unknown;
  readonly firstTokenMs: number | undefined;
  readonly tookMs: number | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  /** Of the receipt. */
  readonly callId: string | undefined;
}

const begun: Answer = {
  ...{ text: "", isRunning: true, problem: undefined, firstTokenMs: undefined, tookMs: undefined },
  ...{ inputTokens: undefined, outputTokens: undefined, callId: undefined },
};

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string | null };
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message?: string };
}

/** Asks a model, and tells how far it is after each piece. What goes wrong is told, never thrown. */
export async function runModel(
  model: string,
  question: Question,
  signal: AbortSignal,
  tell: (answer: Answer) => void,
): Promise<void> {
  const startedMs = performance.now();
  let answer = begun;
  const change = (part: Partial<Answer>) => {
    answer = { ...answer, ...part };
    tell(answer);
  };
  change({});
  try {
    const onHead = (headers: Headers) => change({ callId: headers.get("lyss-call-id") ?? undefined });
    for await (const data of createChatCompletionApiV1Ai.stream(
      { body: toBody(model, question) },
      { signal, onHead },
    )) {
      if (data === "[DONE]") break;
      const { choices, usage, error } = JSON.parse(data) as Chunk;
      if (error) throw new Error(error.message ?? data);
      const piece = choices?.[0]?.delta?.content ?? "";
      const firstTokenMs = answer.firstTokenMs ?? (piece === "" ? undefined : performance.now() - startedMs);
      const counted = usage && { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens };
      change({ text: answer.text + piece, firstTokenMs, ...counted });
    }
  } catch (problem) {
    if (!signal.aborted) change({ problem });
  }
  change({ isRunning: false, tookMs: performance.now() - startedMs });
}

function toBody(model: string, { system, message, temperature, maxTokens }: Question) {
  return {
    model,
    messages: [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: message }],
    stream: true,
    stream_options: { include_usage: true },
    ...(temperature !== undefined && { temperature }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
}
