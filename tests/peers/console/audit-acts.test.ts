import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { auditRules } from "@lyss/services/audit/audit-rules.ts";
import { acts, areas, subjects, wordsOf } from "../../../apps/console/app/audit/acts.ts";
import {
  changedNames,
  detailNames,
  detailValues,
  nameWordsOf,
  readChange,
} from "../../../apps/console/app/audit/details.ts";

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

/** Fields that details hold, with those of messages inside. */
function fieldsOf(message: DescMessage, isWanted: (field: DescField) => boolean = () => true): readonly DescField[] {
  return message.fields.filter(isWanted).flatMap((field) => {
    const inner = field.fieldKind === "message" && !field.message.typeName.startsWith("google.") ? field.message : null;
    return [field, ...(inner ? fieldsOf(inner) : [])];
  });
}

test("every detail that an entry may hold has a name in both languages, no others do, and every known value of it has words", () => {
  const fields = auditRules.flatMap(({ event, details }) =>
    fieldsOf(event.schema, ({ oneof, localName }) => details.includes(oneof?.localName ?? localName)),
  );
  assert.deepEqual(Object.keys(detailNames).sort(), distinct(fields.map(({ jsonName }) => jsonName)));
  const values = fields.flatMap((field) => (field.fieldKind === "enum" ? field.enum.values.slice(1) : []));
  for (const { name } of values) assert.ok(Object.hasOwn(detailValues, name), name);
  for (const [name, words] of Object.entries({ ...detailNames, ...changedNames, ...detailValues })) {
    assert.match(words[0], /^[A-Z]/, name);
    assert.match(words[1], /\p{Script=Han}/u, name);
  }
});

test("what was changed is named as the detail is, and what a person's log says of it is taken apart", () => {
  assert.equal(nameWordsOf("max_concurrent_requests")?.[0], "Requests at once");
  assert.equal(nameWordsOf("jwks_uri")?.[0], "Address of the public keys");
  assert.equal(nameWordsOf("constructor"), undefined);
  const [field, before, after] = ["role", "member", "admin"];
  assert.deepEqual(readChange("role: member → admin (asked for)"), { field, before, after, reason: "asked for" });
  assert.deepEqual(readChange("name"), { field: "name", before: undefined, after: undefined, reason: undefined });
  assert.equal(readChange("lost the phone"), undefined);
});

test("an act that is not known keeps its code, whatever it is called", () => {
  assert.equal(wordsOf(acts, "key.revoked", "en"), "API key revoked");
  assert.equal(wordsOf(acts, "key.revoked", "zh-CN"), "撤销 API 密钥");
  assert.equal(wordsOf(acts, "constructor", "en"), "constructor");
});
