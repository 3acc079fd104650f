import type { AnswerFacts } from "../dialect.ts";
import { type ChatPiece, createChatReader } from "../openai/chat-answer.ts";
import { fieldOf, type ReportedUsage } from "../openai/usage.ts";
import { isAbsent } from "../request-fields.ts";
import { type ResponseObject, suffixOf, toResponseUsage } from "./response-object.ts";
import { type ToldTool, type ToldTools, toCallFields, toInput } from "./response-tools.ts";

/** An output item while it is written. */
type Item =
  | { readonly type: "message"; readonly index: number; readonly id: string; readonly parts: Part[] }
  | {
      readonly type: "reasoning";
      readonly isSummary: boolean;
      readonly index: number;
      readonly id: string;
      text: string;
    }
  | CallItem;

interface CallItem extends ToldTool {
  readonly index: number;
  readonly id: string;
  readonly callId: string;
  /** Arguments of a function. */
  text: string;
}

const idPrefixes = { function_call: "fc", custom_tool_call: "ctc", tool_search_call: "tsc" } as const;

interface Part {
  readonly type: "output_text" | "refusal";
  text: string;
}

const partEvents = { output_text: "response.output_text", refusal: "response.refusal" } as const;
/** How thoughts are told: as they are, or to who asked for a summary of them as that. */
const asContent = {
  ...{ part: "response.content_part", text: "response.reasoning_text", index: "content_index", type: "reasoning_text" },
};
const asSummary = {
  ...{ part: "response.reasoning_summary_part", text: "response.reasoning_summary_text" },
  ...{ index: "summary_index", type: "summary_text" },
};
const textFields = { output_text: "text", refusal: "refusal" } as const;

/**
 * Writes what a provider says as the events of a response, and gathers the response itself. Texts and thoughts are items
 * of their own, one after the other; tool calls may be written by turns, each under its index. What a call of one of `tools` gives, which is
 * no function's arguments, is told when it is whole.
 */
export function createResponseStream(
  facts: Pick<AnswerFacts, "callId" | "maxKeptLength">,
  begun: ResponseObject,
  tools: ToldTools,
) {
  const reader = createChatReader(facts.callId);
  const isSummary = asksForSummary(begun["reasoning"]);
  const thoughts = isSummary ? asSummary : asContent;
  const items: Item[] = [];
  const calls: CallItem[] = [];
  /** The item of text or thoughts that is being written. */
  let open: Exclude<Item, CallItem> | undefined;
  let sequence = 0;
  let keptLength = 0;

  function event(type: string, fields: object): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields, sequence_number: sequence++ })}\n\n`;
  }

  function start(): string {
    if (sequence > 0) return "";
    return event("response.created", { response: begun }) + event("response.in_progress", { response: begun });
  }

  function keep(text: string): void {
    keptLength += text.length;
    if (keptLength > facts.maxKeptLength) throw new RangeError("a streamed answer is too long to be gathered");
  }

  const placeOf = ({ id, index }: Item) => ({ item_id: id, output_index: index });
  const nextId = (prefix: string) => `${prefix}_${suffixOf(facts.callId)}_${items.length}`;

  function begin<Begun extends Item>(item: Begun): string {
    items.push(item);
    return event("response.output_item.added", { output_index: item.index, item: toOutputItem(item, "in_progress") });
  }

  function add(piece: ChatPiece): string {
    if (piece.type === "call") {
      const closing = close();
      const { id: callId, name } = piece;
      const told = tools.get(name) ?? { type: "function_call" as const, name, namespace: undefined };
      const item = { ...told, index: items.length, id: nextId(idPrefixes[told.type]), callId, text: "" };
      calls[piece.call] = item;
      return closing + begin(item);
    }
    if (piece.text === "") return "";
    keep(piece.text);
    if (piece.type === "arguments") {
      const item = calls[piece.call];
      if (!item) return "";
      item.text += piece.text;
      if (item.type !== "function_call") return "";
      return event("response.function_call_arguments.delta", { ...placeOf(item), delta: piece.text });
    }
    return piece.type === "reasoning" ? addReasoning(piece.text) : addText(piece.type, piece.text);
  }

  function addReasoning(text: string): string {
    let events = "";
    if (open?.type !== "reasoning") {
      events += close();
      open = { type: "reasoning", isSummary, index: items.length, id: nextId("rs"), text: "" };
      events += begin(open) + event(`${thoughts.part}.added`, { ...thoughtPlace(open), part: toThoughtPart("") });
    }
    open.text += text;
    return events + event(`${thoughts.text}.delta`, { ...thoughtPlace(open), delta: text });
  }

  function thoughtPlace(item: Item) {
    return { ...placeOf(item), [thoughts.index]: 0 };
  }

  function toThoughtPart(text: string) {
    return { type: thoughts.type, text };
  }

  function addText(kind: "text" | "refusal", text: string): string {
    const type = kind === "text" ? "output_text" : "refusal";
    let events = "";
    if (open?.type !== "message") {
      events += close();
      open = { type: "message", index: items.length, id: nextId("msg"), parts: [] };
      events += begin(open);
    }
    let part = open.parts.at(-1);
    if (part?.type !== type) {
      events += closePart(open);
      part = { type, text: "" };
      open.parts.push(part);
      events += event("response.content_part.added", { ...partPlace(open), part: toContentPart(part) });
    }
    part.text += text;
    const logprobs = type === "output_text" ? { logprobs: [] } : {};
    return events + event(`${partEvents[type]}.delta`, { ...partPlace(open), delta: text, ...logprobs });
  }

  function partPlace(item: Item & { type: "message" }) {
    return { ...placeOf(item), content_index: item.parts.length - 1 };
  }

  function closePart(item: Item & { type: "message" }): string {
    const part = item.parts.at(-1);
    if (!part) return "";
    const logprobs = part.type === "output_text" ? { logprobs: [] } : {};
    const done = { ...partPlace(item), [textFields[part.type]]: part.text, ...logprobs };
    return (
      event(`${partEvents[part.type]}.done`, done) +
      event("response.content_part.done", { ...partPlace(item), part: toContentPart(part) })
    );
  }

  function endItem(item: Item, status: string): string {
    return event("response.output_item.done", { output_index: item.index, item: toOutputItem(item, status) });
  }

  function close(status = "completed"): string {
    const item = open;
    open = undefined;
    if (!item) return "";
    if (item.type === "message") return closePart(item) + endItem(item, status);
    return (
      event(`${thoughts.text}.done`, { ...thoughtPlace(item), text: item.text }) +
      event(`${thoughts.part}.done`, { ...thoughtPlace(item), part: toThoughtPart(item.text) }) +
      endItem(item, status)
    );
  }

  function closeCalls(status: string): string {
    return calls.map((item) => tellWhole(item) + endItem(item, status)).join("");
  }

  function tellWhole(item: CallItem): string {
    if (item.type === "tool_search_call") return "";
    if (item.type === "function_call") {
      const done = { ...placeOf(item), name: item.name, arguments: item.text };
      return event("response.function_call_arguments.done", done);
    }
    const input = toInput(item.text);
    return (
      event("response.custom_tool_call_input.delta", { ...placeOf(item), delta: input }) +
      event("response.custom_tool_call_input.done", { ...placeOf(item), input })
    );
  }

  return {
    /** What a chunk, or a whole answer, of the provider is for the caller. */
    read(json: unknown): string {
      return start() + reader.read(json).map(add).join("");
    },
    /** Ends what is open; the response is whole then. */
    close(tokens: ReportedUsage): { readonly events: string; readonly response: ResponseObject } {
      let events = start() + reader.flush().map(add).join("");
      const reason = incompleteReasons[reader.finishReason ?? ""];
      const status = reason === undefined ? "completed" : "incomplete";
      events += close(status) + closeCalls(status);
      const response = {
        ...begun,
        status,
        incomplete_details: reason === undefined ? null : { reason },
        output: items.map((item) => toOutputItem(item, status)),
        usage: toResponseUsage(tokens),
      } as const;
      return { events, response };
    },
    /** The last event of all. */
    end: (response: ResponseObject) => event(`response.${response.status}`, { response }),
    /** What ends a response whose provider broke off, or whose money ended. What was delivered stands in the events before. */
    fail(error: { readonly code: string; readonly message: string }): string {
      return start() + event("response.failed", { response: { ...begun, status: "failed", error } });
    },
  };
}

const incompleteReasons: Readonly<Record<string, string>> = {
  length: "max_output_tokens",
  content_filter: "content_filter",
};

function toContentPart({ type, text }: Part): object {
  return type === "refusal" ? { type, refusal: text } : { type, text, annotations: [], logprobs: [] };
}

function toOutputItem(item: Item, status: string): object {
  const { id, type } = item;
  if (type === "message") return { id, type, status, role: "assistant", content: item.parts.map(toContentPart) };
  if (type !== "reasoning") return { id, type, status, call_id: item.callId, ...toCallFields(item, item.text) };
  const told = item.text === "" ? [] : [{ type: (item.isSummary ? asSummary : asContent).type, text: item.text }];
  return item.isSummary ? { id, type, status, summary: told } : { id, type, status, summary: [], content: told };
}

function asksForSummary(reasoning: unknown): boolean {
  return [fieldOf(reasoning, "summary"), fieldOf(reasoning, "generate_summary")].some((asked) => !isAbsent(asked));
}
