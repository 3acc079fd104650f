import { fieldOf } from "../dialects/openai/usage.ts";

type Json = Record<string, unknown>;

/** A text in an answer, or in one event of it. */
export interface AnswerText {
  /** What it goes on from: texts of a stream with the same channel are one. What stands before `/` is its choice or block. */
  readonly channel: string;
  /** `arguments` are a tool call's in JSON, and `object` the same as an object, always whole. */
  readonly kind: "text" | "arguments" | "object";
  /** As it came. */
  readonly value: unknown;
  /** As it was set last. */
  current(): unknown;
  set(value: unknown): void;
}

/** How answers of a dialect say what they say, whole and as events. */
export interface AnswerForm {
  textsOf(json: unknown): AnswerText[];
  /** Of which choices or blocks nothing comes after this event; undefined for none. */
  endsIn(json: unknown): readonly string[];
  /** An event that says `text`; `last` is the latest of the stream, whose head it takes. */
  toEvent(channel: string, text: string, last: Json): Json;
  /** Takes out what says the same in another place, which would tell what is masked. */
  strip(json: unknown): void;
}

const messageFields = ["content", "reasoning_content", "reasoning", "refusal"] as const;

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === "object" && it !== null) : [];
}

function textIn(object: Json, field: string, channel: string, kind: AnswerText["kind"] = "text"): AnswerText[] {
  const value = object[field];
  if (kind === "object" ? typeof value !== "object" || value === null : typeof value !== "string") return [];
  return [
    {
      ...{ channel, kind, value },
      current: () => object[field],
      set(changed) {
        object[field] = changed;
      },
    },
  ];
}

function indexOf(object: Json, position: number): number {
  return Number(object["index"] ?? position);
}

const chat: AnswerForm = {
  textsOf(json) {
    return listOf(fieldOf(json, "choices")).flatMap((choice, n) => {
      const at = indexOf(choice, n);
      const message = (choice["delta"] ?? choice["message"] ?? {}) as Json;
      const calls = listOf(message["tool_calls"]).flatMap((call, k) =>
        textIn((call["function"] ?? {}) as Json, "arguments", `${at}/call/${indexOf(call, k)}`, "arguments"),
      );
      return [
        ...textIn(choice, "text", `${at}/text`),
        ...messageFields.flatMap((field) => textIn(message, field, `${at}/${field}`)),
        ...listOf(message["content"]).flatMap((part) => textIn(part, "text", `${at}/content`)),
        ...calls,
      ];
    });
  },
  endsIn: (json) =>
    listOf(fieldOf(json, "choices")).flatMap((choice, n) =>
      choice["finish_reason"] ? [String(indexOf(choice, n))] : [],
    ),
  toEvent(channel, text, { choices: _choices, usage: _usage, ...head }) {
    const [index = "0", field = "", call] = channel.split("/");
    const told =
      field === "text"
        ? { text }
        : {
            delta:
              call === undefined
                ? { [field]: text }
                : { tool_calls: [{ index: Number(call), function: { arguments: text } }] },
          };
    return { ...head, choices: [{ index: Number(index), ...told, finish_reason: null }] };
  },
  strip(json) {
    for (const choice of listOf(fieldOf(json, "choices"))) {
      if (choice["logprobs"]) choice["logprobs"] = null;
      const message = choice["delta"] ?? choice["message"];
      if (typeof message === "object" && message !== null) delete (message as Json)["reasoning_details"];
    }
  },
};

const deltaFields: Readonly<Record<string, readonly [string, AnswerText["kind"]]>> = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "text"],
  input_json_delta: ["partial_json", "arguments"],
};

const anthropic: AnswerForm = {
  textsOf(json) {
    const delta = fieldOf(json, "delta");
    if (typeof delta === "object" && delta !== null) {
      const [field, kind] = deltaFields[String((delta as Json)["type"])] ?? [];
      return field === undefined ? [] : textIn(delta as Json, field, `${fieldOf(json, "index")}/${field}`, kind);
    }
    return listOf(fieldOf(json, "content")).flatMap((block, n) => [
      ...textIn(block, "text", `${n}/text`),
      ...textIn(block, "thinking", `${n}/thinking`),
      ...(block["type"] === "tool_use" ? textIn(block, "input", `${n}/input`, "object") : []),
    ]);
  },
  endsIn: (json) => (fieldOf(json, "type") === "content_block_stop" ? [String(fieldOf(json, "index"))] : []),
  toEvent(channel, text) {
    const [index, field = "text"] = channel.split("/");
    const type = Object.keys(deltaFields).find((it) => deltaFields[it]?.[0] === field);
    return { type: "content_block_delta", index: Number(index), delta: { type, [field]: text } };
  },
  strip() {},
};

const gemini: AnswerForm = {
  textsOf(json) {
    return listOf(fieldOf(json, "candidates")).flatMap((candidate, n) => {
      const at = indexOf(candidate, n);
      return listOf(fieldOf(candidate["content"], "parts")).flatMap((part) => [
        ...textIn(part, "text", `${at}/${part["thought"] === true ? "thought" : "text"}`),
        ...textIn((part["functionCall"] ?? {}) as Json, "args", `${at}/call`, "object"),
      ]);
    });
  },
  endsIn: (json) =>
    listOf(fieldOf(json, "candidates")).flatMap((one, n) => (one["finishReason"] ? [String(indexOf(one, n))] : [])),
  toEvent(channel, text, { candidates: _candidates, usageMetadata: _usage, ...head }) {
    const [index, field] = channel.split("/");
    const part = field === "thought" ? { text, thought: true } : { text };
    return { candidates: [{ content: { parts: [part], role: "model" }, index: Number(index) }], ...head };
  },
  strip(json) {
    for (const candidate of listOf(fieldOf(json, "candidates"))) delete candidate["logprobsResult"];
  },
};

export const answerForms = { chat, anthropic, gemini };
