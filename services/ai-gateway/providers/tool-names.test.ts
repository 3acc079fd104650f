import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequest } from "../call/read-request.ts";
import { openAiWire } from "./openai.ts";
import { fitToolNames, toolNameRules, withGivenNames } from "./tool-names.ts";
import { goldenFacts, toSseEvent } from "./wire-golden.ts";

const tool = (name: string) => ({ type: "function", function: { name } });
const call = (name: string, id = "1") => ({ id, type: "function", function: { name, arguments: '{"name":"a.b"}' } });
const readNamed = (names: readonly string[], more: object = {}) => {
  const messages = [{ role: "user", content: "Use a.b" }];
  const asked = { model: "m", seed: 0, messages, tools: names.map(tool), ...more };
  // A number that a double cannot hold.
  return readRequest("chat", Buffer.from(JSON.stringify(asked).replace('"seed":0', '"seed":12345678901234567890')));
};
const long = (length: number) => "mcp__server__".padEnd(length, "x");

/** The names that tools have at a vendor, in the order of those that were given. */
function fitted(vendor: keyof typeof toolNameRules, names: readonly string[]): string[] {
  const { tools } = fitToolNames(readNamed(names), toolNameRules[vendor]).request.json as {
    tools: { function: { name: string } }[];
  };
  return tools.map(({ function: { name } }) => name);
}

test("W18: what one vendor calls a tool is what the next would refuse, and is made to fit there", () => {
  const patterns = {
    openai: /^[a-zA-Z0-9_-]{1,64}$/,
    anthropic: /^[a-zA-Z0-9_-]{1,128}$/,
    gemini: /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/,
    bedrock: /^[a-zA-Z0-9_-]{1,64}$/,
    cohere: /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/,
  };
  const names = [
    ...["f", "files.read", "files_read", "files/read", "2fast", "天气", "🙂", "-x", "a b", "get-weather", "a:b"],
    ...[long(64), long(65), long(128), `${long(128)}y`, `${long(128)}z`],
  ];
  for (const [vendor, pattern] of Object.entries(patterns)) {
    const all = fitted(vendor as keyof typeof patterns, names);
    for (const [n, name] of all.entries()) {
      assert.match(name, pattern, vendor);
      if (pattern.test(names[n] ?? "")) assert.equal(name, names[n], "what fits stays");
    }
    assert.equal(new Set(all).size, names.length, `${vendor} is told each tool by a name of its own`);
    assert.deepEqual(fitted(vendor as keyof typeof patterns, names), all, "in every turn the same");
  }
  assert.deepEqual(fitted("anthropic", ["files.read", "2fast", long(128)]), ["files_read", "2fast", long(128)]);
  assert.deepEqual(fitted("cohere", ["2fast", "a-b"]), ["_2fast", "a_b"]);
});

test("W18: a name has its other form wherever it stands for a tool, and nowhere else; numbers keep their digits", () => {
  const calls = { role: "assistant", content: "a.b", tool_calls: [call("a.b"), call("gone.tool", "2")] };
  const result = { role: "tool", tool_call_id: "1", content: "a.b" };
  const choices = [
    [
      { type: "function", function: { name: "a.b" } },
      { type: "function", function: { name: "a_b" } },
    ],
    [
      { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [tool("a.b")] } },
      { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [tool("a_b")] } },
    ],
    ["required", "required"],
  ] as const;
  for (const [tool_choice, sent] of choices) {
    const asked = readNamed(["a.b", "c"], { messages: [{ role: "user", content: "a.b" }, calls, result], tool_choice });
    const { request, given } = fitToolNames(asked, toolNameRules.openai);
    const body = request.body.toString();
    assert.deepEqual(JSON.parse(body), request.json);
    assert.match(body, /12345678901234567890/);
    assert.deepEqual(JSON.parse(body), {
      ...asked.json,
      tools: [tool("a_b"), tool("c")],
      messages: [
        { role: "user", content: "a.b" },
        { ...calls, tool_calls: [call("a_b"), call("gone_tool", "2")] },
        result,
      ],
      tool_choice: sent,
    });
    assert.deepEqual(
      [...(given ?? [])],
      [
        ...[
          ["a_b", "a.b"],
          ["gone_tool", "gone.tool"],
        ],
      ],
    );
    const { valueStart = 0, valueEnd = 0 } = request.fields.get("model") ?? {};
    assert.equal(body.slice(valueStart, valueEnd), '"m"', "what is replaced later stands where it is said to");
  }
});

test("W18: where all names fit, a request is the very one that came", () => {
  const asked = readNamed(["a", "b"]);
  assert.equal(fitToolNames(asked, toolNameRules.openai).request, asked);
  const vectors = readRequest("embeddings", Buffer.from('{"model":"m","input":"a"}'));
  assert.equal(fitToolNames(vectors, toolNameRules.openai).request, vectors);
});

test("W18: calls come back by the names that were given, whole and streamed; the rest of an answer as it came", () => {
  const wire = withGivenNames(openAiWire, new Map([["a_b", "a.b"]]));
  const answer = (name: string) => ({
    id: "x",
    choices: [{ index: 0, message: { content: "a_b", tool_calls: [call(name), call("other")] } }],
  });
  const told = (name: string) => {
    const json = answer(name);
    const read = wire.toAnswer(Buffer.from(JSON.stringify(json)), json, goldenFacts);
    assert.deepEqual(JSON.parse(read.body.toString()), read.json);
    return read.json;
  };
  assert.deepEqual(told("a_b"), answer("a.b"));
  assert.deepEqual(told("c"), answer("c"));

  const chunk = (name: string) => ({ id: "x", choices: [{ index: 0, delta: { tool_calls: [call(name)] } }] });
  const stream = wire.createStream(goldenFacts);
  const [read] = stream.read(toSseEvent(chunk("a_b")));
  assert.deepEqual(JSON.parse(read?.data ?? ""), chunk("a.b"));
  assert.equal(read?.raw.toString(), `data: ${read?.data}\n\n`);
  for (const other of [chunk("c"), { choices: [{ index: 0, delta: { content: '"tool_calls" a_b' } }] }]) {
    const event = toSseEvent(other);
    assert.deepEqual(stream.read(event), [event]);
  }
  const broken = { raw: Buffer.from('data: {"tool_calls"\n\n'), data: '{"tool_calls"' };
  assert.deepEqual(stream.read(broken), [broken]);
});
