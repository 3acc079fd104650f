import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExact } from "./exact-json.ts";

test("numbers that a double cannot hold come out as they went in, all others are numbers", () => {
  for (const text of ["12345678901234567890", "-9007199254740993", "0.12345678901234567890", "1e400", "1e-400"]) {
    assert.equal(JSON.stringify(parseExact(`{"a":[${text}],"b":"${text}"}`)), `{"a":[${text}],"b":"${text}"}`);
  }
  for (const text of ["0", "-1", "1.0", "0.7", "1e3", "123456789012345", "9007199254740991", "0.000"]) {
    assert.deepEqual(parseExact(`{"a":${text}}`), { a: Number(text) });
  }
  assert.throws(() => parseExact('{"a":12345678901234567890,}'), SyntaxError);
});

test("whatever a text is, it is read as JSON.parse reads it, with its long numbers where they stood", () => {
  const long = "12345678901234567890";
  for (const text of [
    `{"__proto__":${long},"a":{"b":[[${long}],"\\\\",${long} ]},"${long}":"\\"${long}"}`,
    `[1e3,1E400 ,-${long},"1e400",[],{},null,true,0.10000000000000000555]`,
    ` ${long} `,
  ])
    assert.equal(JSON.stringify(parseExact(text)), text.replaceAll(" ", "").replace("1e3", "1000"));
  // What is no JSON does not become JSON by what stands for a number.
  for (const text of [
    ...[`{${long}:1}`, `{${long} \n:1}`, `[0${long}]`, `[${long}.]`, `[${long}e]`, `[+${long}]`, `[1 ${long}]`],
    ...[`["a"${long}]`, `[${long}"a"]`, `"${long}`, `[t${long}]`, `[--${long}]`, `[.${long}]`, `[${long}-1]`],
  ]) {
    const saidBy = (parse: (text: string) => unknown) => {
      try {
        return parse(text);
      } catch (err) {
        return String(err);
      }
    };
    assert.equal(saidBy(parseExact), saidBy(JSON.parse), text);
    assert.match(String(saidBy(parseExact)), /SyntaxError/);
  }
});

test("S12: a long number costs a body what it holds, not a call of ours for each of its values", (t) => {
  const reads = t.mock.method(JSON, "parse");
  parseExact(`{"seed":12345678901234567890,"tokens":[${"7,".repeat(100_000)}7]}`);
  assert.deepEqual(
    reads.mock.calls.map(({ arguments: given }) => given.length),
    [1],
  );
});
