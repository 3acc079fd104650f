import assert from "node:assert/strict";
import { test } from "node:test";
import { findExcess, jsonLimits, smallJsonBytes } from "./json-size.ts";

const excessOf = (text: string) => findExcess(Buffer.from(text));
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const named = (count: number, kind = "k") =>
  `{${Array.from({ length: count }, (_, n) => `"${kind}${n}":0`).join(",")}}`;
/** So many names, in objects that each have as many, of the same kinds. */
const spread = (each: number, count: number) =>
  `[${Array(count / each)
    .fill(named(each))
    .join(",")}]`;
const listed = (count: number) => `[${"0,".repeat(count)}0]`;

test("S12: what has too much of anything is found before it is parsed; what has just enough is not", () => {
  // Names are made by the object, and the last text may yet be one.
  const beyond: Readonly<Record<string, number>> = { names: 50, texts: 2 };
  const lists = (count: number) => `[${"[],".repeat(count - 2)}[]]`;
  const texts = (count: number) => `[${'"",'.repeat(count - 1)}""]`;
  const numbers = (form: string) => (count: number) => `[${`${form},`.repeat(count - 1)}${form}]`;
  const made: Readonly<Record<keyof typeof jsonLimits, readonly ((count: number) => string)[]>> = {
    levels: [nested],
    names: [(count) => spread(50, count)],
    names_in_one: [(count) => named(count)],
    // The first thousand are not looked at.
    different_names: [(count) => `[${spread(100, 1_000)},${named(2_500, "a")},${named(count - 2_500, "b")}]`],
    lists: [lists],
    texts: [texts, (count) => `{"a":${texts(count)},"b":{"c":0}}`],
    values: [(count) => listed(count)],
    long_numbers: [numbers("1e5"), numbers("-1E+5"), numbers("1234567890123456"), numbers("0.12345678901234")],
    escapes: [(count) => `"${"\\na".repeat(count)}"`],
    escaped_bytes: [(count) => `"${"\\n".repeat(count / 2)}${count % 2 ? "\\n" : ""}"`],
    // A byte of a text counts 1.4 times, of all between them ten times; two texts and two lists count, too.
    work: [(count) => `["${"a".repeat(10_000_000)}",[${" ".repeat(1_000_000)}],"${"a".repeat(count - 31_429_376)}"]`],
    loose_bytes: [(count) => `["a",${" ".repeat(count - 3)}"${"b".repeat(100)}"]`],
  };
  for (const [what, makers] of Object.entries(made))
    for (const make of makers) {
      const limit = jsonLimits[what as keyof typeof made];
      assert.equal(excessOf(make(limit)), undefined, `${what}: ${limit}`);
      const more = limit + (beyond[what] ?? 1);
      assert.equal(excessOf(make(more)), what, `${what}: ${more}`);
    }
});

test("S12: a conversation of ten thousand messages, a list of 300,000 tokens and a file of 30 MB are not too much", () => {
  const message = (n: number) => ({ role: n % 2 ? "assistant" : "user", content: [{ type: "text", text: `${n}` }] });
  const tools = Array.from({ length: 128 }, (_, n) => ({
    ...{ type: "function", name: `tool_${n}` },
    parameters: Object.fromEntries(Array.from({ length: 30 }, (_, p) => [`p${n}_${p}`, { type: "string" }])),
  }));
  const conversation = JSON.stringify({
    model: "m",
    messages: Array.from({ length: 10_000 }, (_, n) => message(n)),
    tools,
  });
  assert.equal(excessOf(conversation), undefined);
  assert.equal(excessOf(JSON.stringify({ input: Array(300_000).fill(54_321) }, null, 2)), undefined);
  assert.equal(excessOf(JSON.stringify({ input: "a".repeat(30_000_000) })), undefined);
});

test("S12: each spelling of a name is one", () => {
  const names = Array.from({ length: 2_501 }, (_, n) => `{"a${n}":0,"\\u0061${n}":0}`);
  assert.equal(excessOf(`[${spread(500, 1_000)},${names.join(",")}]`), "different_names");
});

test("marks within strings count for nothing, and levels that are closed are over", () => {
  const marks = `"${'[{:,\\"\\\\'.repeat(100_000)}"`;
  assert.equal(excessOf(`{"a":${marks},"b":[${Array(500).fill(nested(60)).join(",")}]}`), undefined);
});

test("what is no JSON is left to whoever parses it, as far as that would read", () => {
  for (const text of ["", '"', '{"a', "nonsense", "]]]]", `{"a":"\n${named(60_000)}`])
    assert.equal(excessOf(text), undefined);
});

test("a body that counts as small cannot hold too many names or values", () => {
  // A name takes five bytes at least with its value, a list three, a text three, a value two, a long number four.
  const { names_in_one: names, different_names: different, lists, texts, values, long_numbers: long } = jsonLimits;
  const most = [5 * names, 5 * different, 3 * lists, 3 * texts, 2 * values, 4 * long];
  assert.deepEqual(
    most.filter((bytes) => bytes < smallJsonBytes),
    [],
  );
});
