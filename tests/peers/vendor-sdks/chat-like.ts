import { citySchema, image } from "../../conformance/clients/client.ts";
import { type Asking, models, type Said, type Speaker } from "./sdk.ts";

// Many vendors' SDKs speak OpenAI's chat completions, each with types of its own.

interface PartLike {
  readonly content?: unknown;
  readonly tool_calls?:
    | readonly {
        readonly index?: number | null;
        readonly id?: string | null;
        readonly function?: { readonly name?: string | null; readonly arguments?: string | null } | null;
      }[]
    | null;
}

/** What these SDKs give, whole or in pieces. */
export interface ChatLike {
  /** Of a stream that fails on its way. */
  readonly error?: unknown;
  readonly choices?:
    | readonly {
        readonly message?: PartLike | null;
        readonly delta?: PartLike | null;
        readonly finish_reason?: string | null;
      }[]
    | null;
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
}

const tool = {
  type: "function" as const,
  function: { name: "get_weather", description: "Weather of a city", parameters: citySchema },
};
export const pictureUrl = `data:image/png;base64,${image}`;
const picture = { type: "image_url" as const, image_url: { url: pictureUrl } };

/** A request as OpenAI's API has it. */
export function toChatBody({ text, mayCall, called, isShaped, showsImage }: Asking) {
  const told = called && [
    {
      ...{ role: "assistant" as const, content: "" },
      tool_calls: [
        {
          ...{ index: 0, id: called.id, type: "function" as const },
          function: { name: called.name, arguments: called.given },
        },
      ],
    },
    { role: "tool" as const, tool_call_id: called.id, name: called.name, content: "rain" },
  ];
  const content = showsImage ? [{ type: "text" as const, text }, picture] : text;
  const format = { name: "place", strict: true, schema: { ...citySchema } };
  return {
    ...{ model: models.chat, messages: [{ role: "user" as const, content }, ...(told ?? [])] },
    ...(mayCall && { tools: [tool] }),
    ...(isShaped && { response_format: { type: "json_schema" as const, json_schema: format } }),
  };
}
export type ChatBody = ReturnType<typeof toChatBody>;

/** The same, asked for as a stream that says what it used. */
export function toStreamBody(asking: Asking) {
  return { ...toChatBody(asking), stream: true as const, stream_options: { include_usage: true } };
}

export function toSaid({ choices, usage }: ChatLike): Said {
  const [choice] = choices ?? [];
  const part = choice?.delta ?? choice?.message;
  const calls = (part?.tool_calls ?? []).map(({ index, id, function: called }, n) => ({
    index: index ?? n,
    ...(id && { id }),
    ...(called?.name && { name: called.name }),
    given: called?.arguments ?? "",
  }));
  const { prompt_tokens: input, completion_tokens: output } = usage ?? {};
  return {
    ...(typeof part?.content === "string" && { text: part.content }),
    ...{ calls, finish: choice?.finish_reason ?? undefined },
    ...(input !== undefined && output !== undefined && { tokens: [input, output] as const }),
  };
}

/** Asks whole and streamed through what an SDK has for it. */
export function speakChat(
  create: (body: ChatBody) => Promise<ChatLike>,
  createStream: (body: ReturnType<typeof toStreamBody>) => PromiseLike<AsyncIterable<ChatLike>>,
): Pick<Speaker, "ask" | "stream"> {
  return {
    ask: async (asking) => toSaid(await create(toChatBody(asking))),
    async *stream(asking) {
      for await (const chunk of await createStream(toStreamBody(asking))) yield toSaid(chunk);
    },
  };
}
