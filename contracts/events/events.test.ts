import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { EventType } from "@lyss/kit/events/event.ts";
import { tenantEvents } from "./tenant-events.ts";

const folder = new URL("./", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const modules: Record<string, unknown>[] = await Promise.all(files.map((name) => import(new URL(name, folder).href)));
const isEvent = (value: unknown): value is EventType =>
  typeof value === "object" && value !== null && "type" in value && "schema" in value;
const events = modules.flatMap((module) => Object.values(module)).filter(isEvent);

/** Names of all fields that hold text or bytes, those of messages inside included. */
function fieldsOf(schema: DescMessage, seen = new Set<string>()): readonly string[] {
  if (seen.has(schema.typeName)) return [];
  seen.add(schema.typeName);
  return schema.fields.flatMap((field) => [
    ...(field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES
      ? [`${schema.typeName}.${field.name}`]
      : []),
    ...(field.message ? fieldsOf(field.message, seen) : []),
  ]);
}

test("no event has a field for a secret: whoever may look at the log learns none", () => {
  assert.ok(events.length >= 10);
  const secret = /secret|password|passphrase|token(?!_id$)|private|api_key$|hash|cipher|envelope|sealed|wrapped/;
  const found = events
    .flatMap(({ schema }) => fieldsOf(schema))
    .filter((name) => secret.test(name.slice(name.lastIndexOf(".") + 1)));
  assert.deepEqual(found, []);
});

test("what a tenant may see of itself says whose it is, in a field of the payload", () => {
  assert.equal(new Set(tenantEvents.map(({ type }) => type)).size, tenantEvents.length);
  for (const { type, schema } of tenantEvents) {
    assert.equal(schema.field["tenantId"]?.scalar, 9, type);
    assert.ok(events.some((event) => event.type === type));
  }
});
