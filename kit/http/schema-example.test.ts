import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { exampleOf, type JsonSchema } from "./schema-example.ts";

const options = { resolve: () => ({}), byName: { email: "ada@example.com", "key.id": "key_1", nanos: "5", name: 7 } };
const exampleFor = (schema: z.ZodType) => exampleOf(z.toJSONSchema(schema) as JsonSchema, options);

test("an example fits its schema, whatever the schema bounds", () => {
  const schemas = [
    z.strictObject({ id: z.uuid(), at: z.iso.datetime(), day: z.iso.date(), mail: z.email(), link: z.url() }),
    z.strictObject({ short: z.string().max(3), long: z.string().min(40), hex: z.string().regex(/^[0-9a-f]{32}$/) }),
    z.strictObject({ low: z.int().min(10), high: z.number().max(-4), share: z.number().min(0).max(0.5) }),
    z.strictObject({ list: z.array(z.enum(["b", "c"])).min(2), pair: z.tuple([z.string(), z.boolean()]) }),
    z.strictObject({ map: z.record(z.string(), z.int()), either: z.union([z.null(), z.literal("x")]) }),
    z.strictObject({ money: z.string().regex(/^\d{1,9}(\.\d{1,2})?$/), ip: z.ipv4(), none: z.string().nullable() }),
  ];
  for (const schema of schemas) assert.deepEqual(schema.safeParse(exampleFor(schema)).error, undefined);
});

test("a schema's own example comes first, then that of its name, and none that does not fit", () => {
  const key = z.strictObject({
    object: z.literal("key"),
    id: z.string(),
    email: z.string(),
    cost_nanos: z.string(),
    name: z.string(),
    word: z.string().meta({ examples: ["own"] }),
    seldom: z.string().optional(),
    often: z
      .string()
      .optional()
      .meta({ examples: ["often"] }),
  });
  assert.deepEqual(exampleFor(key), {
    ...{ object: "key", id: "key_1", email: "ada@example.com", cost_nanos: "5", name: "example", word: "own" },
    often: "often",
  });
});

test("what cannot be guessed has no example, and a change has something to change", () => {
  assert.equal(exampleFor(z.strictObject({ code: z.string().regex(/^(xy){3}$/) })), undefined);
  assert.deepEqual(exampleFor(z.strictObject({ a: z.int().optional(), b: z.int().optional() })), { a: 1 });
});
