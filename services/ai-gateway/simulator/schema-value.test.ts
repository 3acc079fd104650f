import assert from "node:assert/strict";
import { test } from "node:test";
import { valueForSchema } from "./schema-value.ts";
import { WireError } from "./wire-error.ts";

const tree = {
  type: "object",
  properties: {
    name: { type: "string" },
    children: { type: "array", items: { $ref: "#" } },
    parent: { anyOf: [{ $ref: "#" }, { type: "null" }] },
  },
  required: ["name", "children", "parent"],
};

test("a value fits its schema", () => {
  const cases: [schema: unknown, value: unknown][] = [
    [{ type: "object", properties: { city: { type: "string" } }, required: ["city"] }, { city: "simulated city" }],
    [{ enum: ["celsius", "kelvin"] }, "celsius"],
    [{ const: 0 }, 0],
    [{ type: "string", pattern: "^x$", examples: ["x"] }, "x"],
    [{ type: "string", maxLength: 4 }, "simu"],
    [{ type: "string", minLength: 18 }, "simulated value..."],
    [{ type: "string", format: "date" }, "2026-01-01"],
    [{ type: "integer", minimum: 3 }, 3],
    [{ type: "integer", exclusiveMinimum: 3, multipleOf: 5 }, 5],
    [{ type: "integer", maximum: -2 }, -2],
    [{ type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
    [{ type: "number", multipleOf: 0.1, minimum: 0.25 }, 0.3],
    [{ type: ["null", "boolean"] }, true],
    [{ type: "array", items: { type: "integer" }, minItems: 3, uniqueItems: true }, [1, 2, 3]],
    [
      { type: "array", items: { type: "string" }, minItems: 2, uniqueItems: true },
      ["simulated value", "simulated value 2"],
    ],
    [{ type: "array", prefixItems: [{ type: "integer" }, { type: "null" }], maxItems: 2 }, [1, null]],
    [{ anyOf: [false, { type: "integer" }] }, 1],
    [
      {
        allOf: [{ $ref: "#/$defs/a" }, { properties: { b: { const: 2 } } }],
        $defs: { a: { properties: { a: { const: 1 } } } },
      },
      { a: 1, b: 2 },
    ],
    [{ required: ["__proto__"] }, JSON.parse('{"__proto__":"simulated __proto__"}')],
    [{}, "simulated value"],
  ];
  for (const [schema, value] of cases) assert.deepEqual(valueForSchema(schema, "tools"), value, JSON.stringify(schema));
});

test("a recursive schema ends in a finite value", () => {
  const text = JSON.stringify(valueForSchema(tree, "tools"));
  assert.ok(text.length < 20_000, `${text.length} characters`);
});

test("a schema that nothing can be made for is refused and named", () => {
  const list = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
  let deep: unknown = { type: "string" };
  for (let depth = 0; depth < 100; depth++) deep = { type: "array", items: deep };
  const refused = [
    list,
    deep,
    false,
    { type: "integer", minimum: 2, maximum: 1 },
    { type: "string", pattern: "^[a-z]+$" },
    { type: "string", not: { const: "x" } },
    { $ref: "#/$defs/missing" },
    { $ref: "#" },
    { allOf: [{ $ref: "#" }] },
    { type: "array", minItems: 1_000_000, items: { type: "integer" } },
    { type: "string", minLength: 1e9 },
    { enum: [] },
  ];
  for (const schema of refused) {
    assert.throws(
      () => valueForSchema(schema, "tools"),
      (err) => err instanceof WireError && err.error.param === "tools",
    );
  }
});
