import assert from "node:assert/strict";
import { test } from "node:test";
import { maxDepth } from "./json-bytes.ts";
import { patchBody, writePatched } from "./patch-body.ts";
import { scanRequest } from "./scan-request.ts";

const messages = '"messages":[{"role":"user","content":"Hi"}]';

function scan(fields: string) {
  return scanRequest(Buffer.from(`{${messages},${fields}}`));
}

test("the fields that decide are read at the top level only, in any order and spacing", () => {
  const body = Buffer.from(
    ` {"metadata" : {"model":"no","stream":true} ,\n"stream_options":{"include_usage":true},"stream" :true,${messages},"model":"gpt-4o","max_tokens":5,"max_completion_tokens":7,"n":2,"best_of":3,"service_tier":"flex"}\r\n`,
  );
  const { body: _, ranges: __, ...facts } = scanRequest(body) ?? assert.fail("unusual");
  assert.deepEqual(facts, {
    ...{ model: "gpt-4o", isStream: true, wantsUsage: true, answers: 2, choices: 3, serviceMode: "flex" },
    ...{ outputLimit: { field: "max_completion_tokens", tokens: 7 }, messages: 1, mayHoldMedia: false },
  });
});

test("a message that holds a list may hold an image", () => {
  assert.equal(scan('"model":"m"')?.mayHoldMedia, false);
  for (const content of ['[{"type":"image_url","image_url":{"url":"data:"}}]', "[]"]) {
    const body = `{"model":"m","messages":[{"content":"a"},{"role":"user","content": ${content}}]}`;
    assert.equal(scanRequest(Buffer.from(body))?.mayHoldMedia, true, content);
  }
});

test("what has two meanings, or is not what readRequest takes, is left to it", () => {
  for (const fields of [
    ...[
      '"model":"a","model":"b"',
      '"model":"a","mod\\u0065l":"b"',
      '"model":"\\u0061"',
      '"model":"模型"',
      '"model":""',
      '"model":7',
      '"x":1',
    ],
    ...[
      `"model":"${"a".repeat(201)}"`,
      '"model":"a","stream":1',
      '"model":"a","stream":"true"',
      '"model":"a","messages":[1]',
    ],
    ...["1.0", "1e1", "-0", "0", "129", '"1"', "[1]", "99999999999"].map((n) => `"model":"a","n":${n}`),
    ...["1.5", "-1", "10000001", "1e3", "true"].map((limit) => `"model":"a","max_tokens":${limit}`),
    ...[
      '"model":"a","service_tier":"fle\\u0078"',
      '"model":"a","stream":true,"stream":false',
      '"model":"a"}{"model":"b"',
      '"model":"a",',
    ],
    ...[
      `"model":"a","x":${"[".repeat(maxDepth + 1)}${"]".repeat(maxDepth + 1)}`,
      `"model":"a","stream_options":{"x":"${"y".repeat(300)}"}`,
    ],
  ]) {
    assert.equal(scan(fields), undefined, fields);
  }
  for (const text of [
    "",
    "[]",
    "null",
    "{}",
    "{",
    `{"model":"a","messages":[]}`,
    `{"model":"a","messages":{}}`,
    `\ufeff{"model":"a",${messages}}`,
  ]) {
    assert.equal(scanRequest(Buffer.from(text)), undefined, text);
  }
});

test("W31: what may cost apart from tokens is left to the parser, however it is written; plain functions are not", () => {
  const tool = (more: string) => `"model":"a","tools":[{"type":"function","function":{"name":"f"}}${more}]`;
  assert.ok(scan(tool("")));
  assert.ok(scan('"model":"a","tools":[]'));
  assert.ok(scan(tool(',{"function":{"name":"g","parameters":{"type":"object"}}}')));
  for (const more of [
    ...[',{"type":"web_search"}', ',{"typ\\u0065":"web_search"}', ',{"type":"functio\\u006e"}', ',{"type":null}', ",1"],
    ...[',{"type":"function","type":"web_search"}', ',{"type":"builtin_function","function":{"name":"$web_search"}}'],
  ])
    assert.equal(scan(tool(more)), undefined, more);
  for (const field of ["web_search_options", "search_parameters", "plugins", "enable_search", "models", "route"])
    assert.equal(scan(`"model":"a","${field}":{}`), undefined, field);
});

test("bytes that are not UTF-8 are left to the parser, wherever they stand", () => {
  const body = Buffer.from(`{"model":"a","user":"x\u00e9",${messages}}`);
  assert.ok(scanRequest(body));
  body[body.indexOf(0xc3)] = 0xff;
  assert.equal(scanRequest(body), undefined);
});

test("a body goes up as it came unless something differs, and then every other byte stays", () => {
  const body = Buffer.from(`{"seed":12345678901234567890, "model" : "a" ,"stream":true,${messages},"x":1e400}`);
  const scanned = scanRequest(body) ?? assert.fail("unusual");
  const patch = patchBody(scanned, "模型", 9) ?? assert.fail("nothing changed");
  const target = Buffer.alloc(patch.bytes + 4, ".");
  assert.equal(writePatched(patch, target, 2), patch.bytes + 2);
  const added = '"stream_options":{"include_usage":true},"max_tokens":9,';
  const rest = `"seed":12345678901234567890, "model" : "模型" ,"stream":true,${messages},"x":1e400}`;
  assert.equal(target.toString(), `..{${added}${rest}..`);
  const asked = scan('"model":"a","stream":true,"stream_options":{"include_usage":true}') ?? assert.fail("unusual");
  assert.equal(patchBody(asked, "a", undefined), undefined);
});
