import assert from "node:assert/strict";
import { test } from "node:test";
import { auditRules } from "@lyss/services/audit/audit-rules.ts";
import { acts, areas, subjects, wordsOf } from "../../../apps/console/app/audit/acts.ts";

const distinct = (names: readonly string[]) => [...new Set(names)].sort();

test("every act that the audit log may tell of has words in both languages, and no others do", () => {
  assert.deepEqual(Object.keys(acts).sort(), distinct(auditRules.map(({ act }) => act)));
  assert.deepEqual(Object.keys(subjects).sort(), distinct(auditRules.map(({ subject }) => subject.kind)));
  for (const [name, words] of Object.entries({ ...acts, ...areas, ...subjects })) {
    assert.match(words[0], /^[A-Za-z]/, name);
    assert.match(words[1], /\p{Script=Han}/u, name);
  }
});

test("the log is narrowed by every area that acts have", () => {
  assert.deepEqual(Object.keys(areas).sort(), distinct(auditRules.map(({ act }) => act.split(".")[0] ?? "")));
});

test("an act that is not known keeps its code, whatever it is called", () => {
  assert.equal(wordsOf(acts, "key.revoked", "en"), "API key revoked");
  assert.equal(wordsOf(acts, "key.revoked", "zh-CN"), "撤销 API 密钥");
  assert.equal(wordsOf(acts, "constructor", "en"), "constructor");
});
