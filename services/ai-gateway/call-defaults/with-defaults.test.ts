import assert from "node:assert/strict";
import { test } from "node:test";
import type { ParameterDialect } from "./parameters.ts";
import { withDefaults } from "./with-defaults.ts";

const said = { temperature: 0.2, top_p: 0.9, max_tokens: 50 };
const filled = (dialect: ParameterDialect, body: string, parameters: object = said) =>
  withDefaults(parameters, dialect, Buffer.from(body)).toString();

test("what a caller does not say is said by its names in each dialect", () => {
  assert.equal(filled("chat", "{}"), '{"temperature":0.2,"top_p":0.9,"max_tokens":50}');
  assert.equal(filled("messages", "{}"), '{"temperature":0.2,"top_p":0.9,"max_tokens":50}');
  assert.equal(filled("responses", "{}"), '{"temperature":0.2,"top_p":0.9,"max_output_tokens":50}');
  assert.equal(filled("gemini", "{}"), '{"generationConfig":{"temperature":0.2,"topP":0.9,"maxOutputTokens":50}}');
});

test("what a caller says stays, by whatever spelling; null says nothing", () => {
  assert.equal(
    filled("chat", '{"max_completion_tokens":7,"temperature":null}', { temperature: 1, max_tokens: 50 }),
    [...['{"max_completion_tokens":7,"temperature":1}']].join(),
  );
  const spelt = '{"generation_config":{"top_p":1,"max_output_tokens":2}}';
  assert.equal(filled("gemini", spelt), '{"generation_config":{"top_p":1,"max_output_tokens":2,"temperature":0.2}}');
});

test("a body that says all of it stays byte for byte; otherwise numbers are as they came", () => {
  const whole = ' { "temperature": 1.0, "top_p":1,"max_tokens":1 } ';
  const body = Buffer.from(whole);
  assert.equal(withDefaults(said, "chat", body), body);
  assert.equal(
    filled("chat", '{"seed":12345678901234567890}', { top_p: 1 }),
    '{"seed":12345678901234567890,"top_p":1}',
  );
});

test("what cannot be filled is refused as reading it would be", () => {
  assert.throws(() => filled("chat", "{"), /not valid JSON/);
  assert.throws(() => filled("gemini", '{"generationConfig":[]}'), /generationConfig/);
});
