import type { drawFrom } from "../dialects/random-chat.ts";

/** Bodies of requests, answers and streams, drawn from a seed; for tests of the scanners. */
type Draw = ReturnType<typeof drawFrom>;

const texts = [
  ...[
    "",
    "a",
    "Hello there, ",
    "the quick brown fox jumps over the lazy dog. ",
    "天气怎么样？",
    "Grüezi ",
    "🙂",
    "\u2028",
  ],
  ...['"', "\\", "\n", "\t", "\u0007", "\u007f", "data: ", '{"model":"no"}', "},", "[DONE]", '"usage":{', "\\u0022"],
];
const names = [
  "model",
  "usage",
  "error",
  "content",
  "messages",
  "n",
  "stream",
  "type",
  "x",
  "说",
  "",
  "a b",
  "__proto__",
];
const oddValues = [
  ...[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e2",
    "0.5",
    "129",
    "10000000",
    "10000001",
    "1000000001",
    "1e400",
  ],
  ...[
    "12345678901234567890",
    '""',
    '"flex"',
    '"\\u0066lex"',
    "[]",
    "{}",
    "[[]]",
    '[{"index":31,"finish_reason":"stop"}]',
  ],
  ...[
    '{"include_usage":true}',
    '{"include_usage":false,"x":1}',
    '{"include_usage":true,"include_usage":false}',
    '"gpt\\u002d4"',
  ],
  ...[
    '{"prompt_tokens":3}',
    '{"prompt_tokens":3,"prompt_tokens":4}',
    '{"prompt_tokens":null}',
    '"模型"',
    '[{"message":{"content":"a"}}]',
  ],
];
const spaces = ["", "", "", "", "", "", " ", "\n", "\r\n", "\t", "  "];

/** One of a list. */
export function pick<T>(draw: Draw, list: readonly T[]): T {
  return list[draw(list.length)] as T;
}

/** A chat request as people send them, or with `isOdd`, as nobody does. */
export function randomRequest(draw: Draw, isOdd: boolean): string {
  const fields: [string, string][] = [
    [
      "model",
      JSON.stringify(pick(draw, ["gpt-4o-mini", "gpt-5", "deepseek-chat", "claude-sonnet-4-5", "org/model:free"])),
    ],
    [
      "messages",
      write(
        draw,
        Array.from({ length: 1 + draw(5) }, () => randomMessage(draw)),
      ),
    ],
  ];
  const maybe = (name: string, value: () => unknown) => draw(3) === 0 && fields.push([name, write(draw, value())]);
  maybe("stream", () => pick(draw, [true, false, null]));
  maybe("stream_options", () =>
    pick(draw, [{ include_usage: true }, { include_usage: false, include_obfuscation: false }, null]),
  );
  maybe("n", () => 1 + draw(4));
  maybe("max_tokens", () => pick(draw, [0, 16, 4_096, null, draw(10_000_000)]));
  maybe("max_completion_tokens", () => pick(draw, [1, 256, null, draw(100_000)]));
  maybe("service_tier", () => pick(draw, ["auto", "default", "flex", "priority", null]));
  maybe("temperature", () => draw(200) / 100);
  maybe("seed", () => pick(draw, [draw(1_000_000), -1, 1.5e300]));
  maybe("tools", () => Array.from({ length: draw(3) }, () => ({ type: "function", function: randomTool(draw) })));
  maybe("metadata", () => randomValue(draw, 4));
  maybe("user", () => randomText(draw));
  return writeFields(draw, fields, isOdd, ["best_of", "prompt", "stop", "tools", "web_search_options", "models"]);
}

/** A whole answer with usage; with `isOdd`, something like one. */
export function randomAnswer(draw: Draw, isOdd: boolean): string {
  const choices = Array.from({ length: 1 + draw(2) }, (_, index) => ({
    ...{
      index,
      message: { role: "assistant", content: randomText(draw), refusal: null, annotations: [] },
      logprobs: null,
    },
    finish_reason: "stop",
  }));
  const fields: [string, string][] = [
    ["id", '"chatcmpl-1"'],
    ["object", '"chat.completion"'],
    ["created", String(draw(2_000_000_000))],
    ["model", '"gpt-4o-mini-2024-07-18"'],
    ["choices", write(draw, choices)],
    ["usage", write(draw, randomUsage(draw))],
  ];
  if (draw(3) === 0) fields.push(["service_tier", pick(draw, ['"default"', '"flex"', "null"])]);
  if (draw(4) === 0) fields.push(["error", "null"]);
  return writeFields(draw, fields, isOdd, ["usage", "error", "service_tier"]);
}

/** The bytes of a stream: alike chunks, with what comes before, between and after them. */
export function randomStream(draw: Draw, isOdd: boolean): string {
  const lineEnd = pick(draw, ["\n", "\n", "\r\n", isOdd ? "\r" : "\n"]);
  const field = pick(draw, ["data: ", "data: ", "data:"]);
  const hasPadding = draw(3) === 0;
  const hasNullUsage = draw(2) === 0;
  const tier = pick(draw, [undefined, "default", "priority"]);
  const textName = pick(draw, ["content", "content", "reasoning_content", "tool_calls", "text"]);
  const chunk = (choices: unknown, usage: unknown) => ({
    ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", service_tier: tier, choices },
    ...(hasNullUsage || usage ? { usage: usage ?? null } : {}),
    ...(hasPadding && { obfuscation: "x".repeat(draw(12)) }),
  });
  const delta = (text: string) => {
    if (textName === "text") return { index: 0, text, finish_reason: null };
    const said = textName === "tool_calls" ? [{ index: 0, function: { arguments: text } }] : text;
    return { index: 0, delta: { [textName]: said }, logprobs: null, finish_reason: null };
  };
  const events: string[] = [
    JSON.stringify(chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }], undefined)),
    ...Array.from({ length: draw(6) }, () => JSON.stringify(chunk([delta(randomText(draw))], undefined))),
    JSON.stringify(chunk([{ index: draw(3), delta: {}, finish_reason: "stop" }], undefined)),
    JSON.stringify(chunk([], randomUsage(draw))),
    "[DONE]",
  ];
  if (isOdd) {
    const parts: [string, string][] = [["choices", pick(draw, oddValues)]];
    events.splice(
      draw(events.length),
      0,
      writeFields(draw, parts, true, ["usage", "error", "choices", "service_tier"]),
    );
  }
  const before = () =>
    isOdd && draw(4) === 0 ? pick(draw, [": ping\n\n", "\ufeff", "event: x\n", "id: 1\r\n", "\n", "data\n"]) : "";
  const last = isOdd ? pick(draw, ["", lineEnd, lineEnd + lineEnd]) : lineEnd + lineEnd;
  return events
    .map((event, i) => `${before()}${field}${event}${i === events.length - 1 ? last : lineEnd + lineEnd}`)
    .join("");
}

/** `bytes` with one to three of them changed, taken out, put in or repeated. */
export function mutate(draw: Draw, bytes: Buffer): Buffer {
  let mutated = bytes;
  for (let round = 1 + draw(3); round > 0; round--) {
    const at = draw(mutated.length + 1);
    const end = Math.min(mutated.length, at + draw(12));
    const put = pick(draw, [
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "0",
      "-",
      "e",
      "\n",
      "\r",
      " ",
      "\u0000",
      "\u001f",
      "u",
      "null",
    ]);
    const inserted = draw(6) === 0 ? Buffer.from([draw(256)]) : Buffer.from(put);
    const kind = draw(4);
    const from = kind === 0 ? at : kind === 1 ? Math.min(mutated.length, at + 1) : end;
    const middle = kind === 3 ? Buffer.concat([mutated.subarray(at, end), mutated.subarray(at, end)]) : inserted;
    mutated = Buffer.concat([mutated.subarray(0, at), kind === 2 ? Buffer.alloc(0) : middle, mutated.subarray(from)]);
  }
  return mutated;
}

function randomMessage(draw: Draw): object {
  const role = pick(draw, ["system", "user", "assistant", "tool"]);
  if (draw(6) > 0) return { role, content: randomText(draw) };
  if (draw(2) === 0)
    return { role, content: null, tool_calls: [{ id: "1", type: "function", function: randomTool(draw) }] };
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"iVBORw0KGgo".repeat(draw(8))}` } };
  return { role, content: [{ type: "text", text: randomText(draw) }, image] };
}

function randomTool(draw: Draw): object {
  return {
    name: "look_up",
    description: randomText(draw),
    parameters: { type: "object", properties: randomValue(draw, 6) },
  };
}

function randomUsage(draw: Draw): object {
  const prompt_tokens = draw(2_000);
  const completion_tokens = draw(500);
  const details = {
    prompt_tokens_details: pick(draw, [null, {}, { cached_tokens: draw(2_100), audio_tokens: draw(3) }]),
    completion_tokens_details: { reasoning_tokens: draw(600), audio_tokens: 0, accepted_prediction_tokens: 0 },
  };
  const beside = pick(draw, [{}, { cached_tokens: draw(2_100) }, { prompt_cache_hit_tokens: draw(2_100) }]);
  const thought = pick(draw, [0, 0, details.completion_tokens_details.reasoning_tokens]);
  const total_tokens = prompt_tokens + completion_tokens + thought;
  const tools = pick(draw, [
    {},
    {},
    { num_sources_used: draw(3) },
    { num_search_queries: draw(9), num_sources_used: 1 },
  ]);
  const counts = { prompt_tokens, completion_tokens, total_tokens, ...beside, ...tools };
  if (draw(100) === 0) return { ...counts, citation_tokens: draw(50), reasoning_tokens: draw(50) };
  return draw(3) === 0 ? counts : { ...counts, ...details };
}

function randomValue(draw: Draw, depth: number): unknown {
  const kind = draw(depth === 0 ? 4 : 7);
  if (kind === 0) return draw(1_000_000) / pick(draw, [1, 7, -1]);
  if (kind === 1) return pick(draw, [true, false, null]);
  if (kind < 4) return randomText(draw);
  if (kind === 4) return Array.from({ length: draw(4) }, () => randomValue(draw, depth - 1));
  return Object.fromEntries(Array.from({ length: draw(4) }, () => [pick(draw, names), randomValue(draw, depth - 1)]));
}

function randomText(draw: Draw): string {
  return Array.from({ length: draw(5) }, () => pick(draw, texts)).join("");
}

/** JSON as one SDK or another writes it: tight, or indented, or with non-ASCII escaped. */
function write(draw: Draw, value: unknown): string {
  const text = JSON.stringify(value, null, draw(6) === 0 ? 2 : undefined);
  const isEscaped = draw(4) === 0;
  return isEscaped
    ? text.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : text;
}

function writeFields(draw: Draw, fields: [string, string][], isOdd: boolean, more: readonly string[]): string {
  const all: [string, string][] = fields.map(([name, value]) => [name, value]);
  if (isOdd) {
    for (let round = draw(3); round > 0; round--) {
      const field = pick(draw, all);
      if (draw(2) === 0) field[1] = pick(draw, oddValues);
      else all.push([pick(draw, [...more, ...all.map(([name]) => name)]), pick(draw, oddValues)]);
    }
    if (draw(8) === 0) all.push(["deep", "[".repeat(draw(80)).concat("]".repeat(draw(80)))]);
  }
  const space = () => (isOdd || draw(8) === 0 ? pick(draw, spaces) : "");
  // Any order: nothing says that the model comes first.
  const ordered = all.map((field) => ({ field, place: draw(1_000) })).sort((a, b) => a.place - b.place);
  const written = ordered.map(({ field: [name, value] }) => {
    const isEscaped = isOdd && draw(12) === 0;
    const key = isEscaped
      ? `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}"`
      : JSON.stringify(name);
    return `${space()}${key}${space()}:${space()}${value}${space()}`;
  });
  return `${space()}{${written.join(",")}}${space()}`;
}
