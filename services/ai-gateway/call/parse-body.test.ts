import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { longTextBytes } from "../scan/json-size.ts";
import { parseBody, parseBodyExact } from "./parse-body.ts";

const long = "a".repeat(longTextBytes);
const number = "12345678901234567890";

/** Texts that are decoded apart from the rest, numbers that a double cannot hold, and both in places where they may not stand. */
const valid = [
  `{"a":"${long}"}`,
  `{"a":"${long}\\n${long}中\\u4e2d","b":["${long.slice(1)}",{"c":"${"中".repeat(30_000)}"}]}`,
  `{"__proto__":"${long}","${long}":"${long}","n":${number}}`,
  `{"${long}" : 1, "x":{"__proto__":${number}},"1234567890123456":"${number}"}`,
  `{"a":["\\"${long}\\\\",${number},1e400,-0.10000000000000000555 ,1.0]}`,
];
const invalid = [
  `{"a":"${long}"b}`,
  `{"a":"${long}\u0001"}`,
  `{"a":"${long}","b":"${long}",${number}:1}`,
  `{"a":"${long}中",[]}`,
  `{${number}:1}`,
  `{"a":${number} :1}`,
  `{"a":[0${number}]}`,
  `{"a":"${long}`,
];

test("a body with long texts and numbers reads as JSON.parse reads it", () => {
  for (const text of valid) {
    assert.deepEqual(parseBody(Buffer.from(text)), JSON.parse(text));
    assert.equal(JSON.stringify(parseBodyExact(Buffer.from(text))), JSON.stringify(parseExact(text)));
  }
});

test("what is no JSON stays so with long texts and numbers, and is refused at the engine's own place", () => {
  for (const text of invalid) {
    const place = placeSaidBy(() => JSON.parse(text), /position (\d+)/);
    for (const parse of [parseBody, parseBodyExact]) {
      assert.throws(
        () => parse(Buffer.from(text)),
        (err) => isFailure(err, aiGatewayFailures.invalid_json),
      );
      assert.equal(
        placeSaidBy(() => parse(Buffer.from(text)), /character (\d+)/),
        place,
        text.slice(-40),
      );
    }
  }
});

function placeSaidBy(parse: () => unknown, pattern: RegExp): string | undefined {
  try {
    parse();
  } catch (err) {
    return pattern.exec(`${err instanceof Error ? err.message : err} ${JSON.stringify(err)}`)?.[1];
  }
  throw new Error("it was read");
}
