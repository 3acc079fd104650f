import { createSequence } from "../simulator/seeded.ts";
import type { AnswerWriter } from "./dialect.ts";
import { createSseReader } from "./openai/sse.ts";

/** An answer of chat drawn from a seed, whole and as the chunks of a stream; for tests of translators. */
export interface RandomChat {
  readonly whole: object;
  /** Texts are cut anywhere, and tool calls written by turns. */
  readonly chunks: readonly object[];
}

type Draw = (below: number) => number;

const words = ["", "a", "Grüezi ", "天气", "🙂", '"', "\\", "\n", "data: ", "{}", "  "];

export function drawFrom(seed: string): Draw {
  const next = createSequence(seed);
  return (below) => next() % below;
}

export function randomChat(draw: Draw): RandomChat {
  const reasoning = draw(2) === 0 ? randomText(draw) : "";
  const content = draw(3) > 0 ? randomText(draw) : "";
  const calls = Array.from({ length: draw(4) }, (_, index) => ({
    ...{ id: `call_${index}`, type: "function" },
    function: { name: `tool_${index}`, arguments: JSON.stringify(randomArguments(draw)) },
  }));
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  const message = { role: "assistant", content, reasoning_content: reasoning, tool_calls: calls };
  const deltas = [
    { role: "assistant", content: "" },
    ...cut(draw, reasoning).map((reasoning_content) => ({ reasoning_content })),
    ...cut(draw, content).map((text) => ({ content: text })),
    ...byTurns(draw, calls.map(toDeltas(draw))).map((call) => ({ tool_calls: [call] })),
  ];
  const chunks = deltas.map((delta) => toChunk(delta, null));
  return {
    whole: { id: "x", choices: [{ index: 0, message, finish_reason }] },
    chunks: [...chunks, toChunk({}, finish_reason)],
  };
}

/** What a caller reads of a stream whose bytes are cut anywhere. */
export async function writeStream(draw: Draw, { chunks }: RandomChat, writer: AnswerWriter): Promise<string> {
  const bytes = Buffer.from(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(""));
  const reader = createSseReader(1_000_000);
  let written = "";
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + draw(64);
    for (const event of reader.push(bytes.subarray(at, end))) {
      written += writer.event(event, JSON.parse(event.data ?? "null"))?.toString("utf8") ?? "";
    }
    at = end;
  }
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  return written + (await writer.end(none)).toString("utf8");
}

function toChunk(delta: object, finish_reason: string | null): object {
  return { id: "x", choices: [{ index: 0, delta, finish_reason }] };
}

function randomText(draw: Draw): string {
  return Array.from({ length: 1 + draw(8) }, () => words[draw(words.length)]).join("");
}

function randomArguments(draw: Draw): object {
  return Object.fromEntries(
    Array.from({ length: draw(4) }, (_, index) => [`${index}${randomText(draw)}`, draw(1_000)]),
  );
}

function cut(draw: Draw, text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + draw(5);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

function toDeltas(draw: Draw) {
  return (
    { id, type, function: called }: { id: string; type: string; function: { name: string; arguments: string } },
    index: number,
  ) => [
    { index, id, type, function: { name: called.name, arguments: "" } },
    ...cut(draw, called.arguments).map((text) => ({ index, function: { arguments: text } })),
  ];
}

/** One list of many, each in its own order. */
function byTurns<T>(draw: Draw, lists: readonly (readonly T[])[]): T[] {
  const rest = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const joined: T[] = [];
  while (rest.length > 0) {
    const at = draw(rest.length);
    const list = rest[at] ?? [];
    joined.push(...list.splice(0, 1));
    if (list.length === 0) rest.splice(at, 1);
  }
  return joined;
}
