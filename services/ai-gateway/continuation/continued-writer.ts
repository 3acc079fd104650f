import { foldCounts, type TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { AnswerGuard, AnswerWriter } from "../dialects/dialect.ts";
import type { SseEvent } from "../dialects/openai/sse.ts";
import { fieldOf, readCount } from "../dialects/openai/usage.ts";
import { toChatEvent } from "../providers/chat-chunks.ts";
import { addCounts } from "./add-counts.ts";
import type { ShownText } from "./shown-text.ts";

/** Who goes on with an answer, as its caller is told. */
export interface ContinuedBy {
  readonly provider: string;
  /** Which attempt of the call. */
  readonly attempt: number;
}

type Json = Readonly<Record<string, unknown>>;

/** The rest of an answer, as it goes on for its caller. */
export interface Rest {
  readonly writer: AnswerWriter;
  /** What has looked at the beginning, to look at the rest as at one text: then the writer is its alone. */
  guard(guard: AnswerGuard): AnswerGuard;
}

/**
 * Writes the rest of an answer with the writer of its beginning: in the same message, under its id. The first event that leaves says so in a
 * field `lyss`, and usage is that of both.
 */
export function createRest(
  writer: AnswerWriter,
  {
    shown,
    spent,
    by,
    isTrimmed,
  }: {
    readonly shown: ShownText;
    /** What the beginning took. */
    readonly spent: TokenCounts;
    readonly by: ContinuedBy;
    /** True where the target was given the text without the white space at its end. */
    readonly isTrimmed: boolean;
  },
): Rest {
  let isLabelled = false;
  /** White space that has been shown, and may come again. */
  let shownSpace = isTrimmed ? shown.text.slice(shown.text.trimEnd().length) : "";

  function withoutShown(content: string): string {
    if (shownSpace === "") return content;
    const left = content.trimStart();
    const space = content.slice(0, content.length - left.length);
    const repeated = space.startsWith(shownSpace) ? shownSpace.length : Math.min(space.length, shownSpace.length);
    shownSpace = left === "" ? shownSpace.slice(repeated) : "";
    return content.slice(repeated);
  }

  /** Undefined for one that says nothing more. */
  function toRest(chunk: Json): Json | undefined {
    const choices = (Array.isArray(chunk["choices"]) ? (chunk["choices"] as readonly Json[]) : []).map(toRestOfChoice);
    const usage = fieldOf(chunk, "usage");
    const says = choices.some(
      ({ delta, finish_reason: finish }) => Boolean(finish) || Object.keys(Object(delta)).length > 0,
    );
    if (!says && !usage) return undefined;
    return { ...chunk, ...shown.head, choices, ...(Boolean(usage) && { usage: addUsage(Object(usage), spent) }) };
  }

  function toRestOfChoice(choice: Json): Json {
    const { role: _, content, ...others } = Object(choice["delta"]);
    const text = typeof content === "string" ? withoutShown(content) : "";
    return { ...choice, delta: { ...others, ...(text !== "" && { content: text }) } };
  }

  function label(written: Buffer | undefined): Buffer | undefined {
    const at = written && !isLabelled ? written.indexOf("{") + 1 : 0;
    if (!written || at === 0) return written;
    isLabelled = true;
    return Buffer.concat([
      ...[
        written.subarray(0, at),
        Buffer.from(`"lyss":${JSON.stringify({ continued_by: by })},`),
        written.subarray(at),
      ],
    ]);
  }

  function readRest(event: SseEvent, json: unknown): readonly [event: SseEvent, json: unknown] | undefined {
    if (json === undefined) return [event, json];
    const rest = toRest(json as Json);
    return rest && [toChatEvent(rest), rest];
  }

  const labelling: AnswerWriter = {
    ...writer,
    event: (event, json) => label(writer.event(event, json)),
    end: (tokens) => writer.end(addCounts(spent, tokens)),
  };
  return {
    writer: {
      ...labelling,
      event(event, json) {
        const rest = readRest(event, json);
        return rest && labelling.event(...rest);
      },
    },
    guard: ({ judge, ...guard }) => ({
      ...guard,
      write(_writer, event, json) {
        const rest = readRest(event, json);
        return rest && guard.write(labelling, ...rest);
      },
      end: () => guard.end(labelling),
      ...(judge && { judge: (_writer, isEnd, signal) => judge(labelling, isEnd, signal) }),
    }),
  };
}

/** OpenAI's `usage`, with what was spent before. */
function addUsage(usage: Json, spent: TokenCounts): Json {
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(spent);
  const cached = Number(cachedInputTokens);
  const prompt = (readCount(usage["prompt_tokens"]) ?? 0) + Number(inputTokens) + cached;
  const completion = (readCount(usage["completion_tokens"]) ?? 0) + Number(outputTokens);
  const details: Json = Object(usage["prompt_tokens_details"]);
  return {
    ...usage,
    ...{ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    prompt_tokens_details: { ...details, cached_tokens: (readCount(details["cached_tokens"]) ?? 0) + cached },
  };
}
