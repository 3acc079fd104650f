import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText, isFailure } from "@lyss/kit/errors/failure.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import type { Surface } from "../surfaces/surface.ts";
import { readRequest } from "./read-request.ts";

const chat = { model: "m", messages: [{ role: "user", content: "hello" }] };

function refusalOf(surface: Surface, body: Buffer | object | string): { en: string; zh: string } {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  try {
    readRequest(surface, bytes);
  } catch (err) {
    assert.ok(isFailure(err), String(err));
    return { en: failureText(err.type, err.details, "en_US"), zh: failureText(err.type, err.details, "zh_CN") };
  }
  return assert.fail(`${bytes} was accepted`);
}

const refused: readonly (readonly [Surface, Buffer | object | string, RegExp])[] = [
  ["chat", "", /ends too early or is empty/],
  ["chat", '{"model": "m",]', /syntax error at character 14/],
  ["chat", "[".repeat(1_000_000), /not valid JSON/],
  ["chat", Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
  ["chat", "[1]", /not an object/],
  ["chat", '{"model":"m","model":"n","messages":[]}', /may stand only once/],
  ["chat", { ...chat, model: 4 }, /^model: must be the name of a model/],
  ["chat", { ...chat, model: "x".repeat(201) }, /^model: /],
  ["chat", { ...chat, stream: 1 }, /^stream: must be true or false/],
  ["chat", { model: "m", messages: [] }, /^messages: /],
  ["chat", { ...chat, n: 129 }, /^n: must be a whole number from 1 to 128/],
  ["chat", { ...chat, max_tokens: -1 }, /^max_tokens: must be a whole number from 0 to 10000000/],
  ["completions", { model: "m" }, /^prompt: is missing/],
  ["embeddings", { model: "m", input: "" }, /^input: /],
];

test("a refused request is told what is wrong, in English and in Chinese", () => {
  for (const [surface, body, wanted] of refused) {
    const { en, zh } = refusalOf(surface, body);
    assert.match(en, wanted);
    // What follows the field's name is Chinese, not the English reason in a Chinese frame.
    assert.match(zh.slice(zh.indexOf("：")), /\p{Script=Han}/u, zh);
    assert.doesNotMatch(en, /\p{Script=Han}/u);
  }
});

test("a syntax error names the place and quotes nothing of the body", () => {
  const { en, zh } = refusalOf("chat", '{"model":"m","key":"sk-secret" oops}');
  for (const text of [en, zh]) assert.doesNotMatch(text, /secret|oops/);
});

test("what a provider refuses is told in both languages, by its words and never by its sentences", () => {
  const body = { error: { message: "secret sentence", param: "temperature", code: "unsupported_value" } };
  const { type, details } = toUpstreamFailure({ model: "m", status: 400, body, retryAfterMs: undefined });
  const [en, zh] = [failureText(type, details, "en_US"), failureText(type, details, "zh_CN")];
  assert.equal(en, "The provider refused the request: parameter 'temperature', unsupported_value.");
  assert.equal(zh, "模型供应商拒绝了该请求：参数“temperature”，unsupported_value。");
});
