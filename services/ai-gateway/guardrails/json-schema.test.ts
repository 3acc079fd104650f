import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { compileSchema, SchemaError } from "./json-schema.ts";

const options = { strict: false, validateFormats: false } as const;

/** What each keyword is tried with; the values are what decides it. */
const cases: readonly (readonly [schema: object | boolean, values: readonly unknown[]])[] = [
  [true, [1]],
  [false, [1]],
  [{ type: "integer" }, [1, 1.5, "1", 2 ** 60]],
  [{ type: ["string", "null"] }, ["", null, 0, []]],
  [{ type: "object" }, [{}, [], null]],
  [{ enum: [1, "a", { x: [1, { y: null }] }] }, [1, "1", "a", { x: [1, { y: null }] }, { x: [1, {}] }]],
  [{ const: { a: 1, b: [] } }, [{ b: [], a: 1 }, { a: 1 }, { a: 1, b: [], c: 0 }]],
  [{ const: null }, [null, 0, false]],
  [{ minimum: 1, exclusiveMaximum: 3 }, [0.9, 1, 2.9, 3, "0"]],
  [{ multipleOf: 0.5 }, [1.5, 1.7, 0, "x"]],
  [{ minLength: 2, maxLength: 3 }, ["a", "ab", "𝒳𝒳𝒳", "abcd", 5]],
  [{ pattern: "^[a-z]+\\d$" }, ["ab1", "AB1", "1", 4]],
  [{ minItems: 1, maxItems: 2 }, [[], [1], [1, 2, 3], "abc"]],
  [
    { uniqueItems: true },
    [
      [1, 2],
      [1, 1],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      [0, -0],
      ["1", 1],
      [[1], [1]],
    ],
  ],
  [{ minProperties: 1, maxProperties: 1 }, [{}, { a: 1 }, { a: 1, b: 1 }]],
  [{ required: ["a", "b"] }, [{ a: 1 }, { a: null, b: 1 }, []]],
  [
    {
      properties: { a: { type: "string" } },
      patternProperties: { "^x": { type: "number" } },
      additionalProperties: false,
    },
    [{ a: "s" }, { a: 1 }, { x1: 1 }, { x1: "s" }, { b: 1 }, {}],
  ],
  [{ properties: { a: true }, additionalProperties: { type: "null" } }, [{ a: 1, b: null }, { b: 1 }]],
  [{ propertyNames: { maxLength: 2 } }, [{ ab: 1 }, { abc: 1 }, []]],
  [{ contains: { type: "number" } }, [["a", 1], ["a"], [], "a"]],
  [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1, 3]],
  [{ anyOf: [{ type: "string" }, { minimum: 5 }] }, ["a", 5, 4]],
  [{ oneOf: [{ minimum: 1 }, { minimum: 5 }] }, [0, 3, 6]],
  [{ not: { type: "string" } }, ["a", 1]],
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  [{ if: { type: "string" }, then: { minLength: 2 }, else: { minimum: 0 } }, ["a", "ab", -1, 1]],
  [{ if: { type: "string" } }, ["a", 1]],
  [{ $ref: "#/definitions/a~1b", definitions: { "a/b": { type: "string" } } }, ["x", 1]],
  [
    { type: "object", properties: { next: { $ref: "#" }, n: { type: "number" } }, required: ["n"] },
    [
      { n: 1, next: { n: 2 } },
      { n: 1, next: {} },
    ],
  ],
  [{ minimum: 3, $ref: "#/definitions/n", definitions: { n: { maximum: 5 } } }, [2, 4, 6]],
];
const draft7: typeof cases = [
  [
    { items: [{ type: "string" }, { type: "number" }], additionalItems: { type: "null" } },
    [["a", 1, null], ["a", 1, 2], [1], []],
  ],
  [{ items: [{ type: "string" }], additionalItems: false }, [["a"], ["a", 1]]],
  [
    { items: { type: "string" } },
    [
      ["a", "b"],
      ["a", 1],
    ],
  ],
  [{ dependencies: { a: ["b"], c: { required: ["d"] } } }, [{ a: 1 }, { a: 1, b: 1 }, { c: 1 }, { c: 1, d: 1 }, {}]],
];
const draft2020: typeof cases = [
  [{ prefixItems: [{ type: "string" }], items: { type: "number" } }, [["a", 1], ["a", "b"], [1], []]],
  [{ prefixItems: [true], items: false }, [[1], [1, 2]]],
  [{ contains: { type: "number" }, minContains: 2, maxContains: 3 }, [[1], [1, 2], [1, 2, 3, 4]]],
  [{ contains: { type: "number" }, minContains: 0 }, [["a"], []]],
  [
    { dependentRequired: { a: ["b"] }, dependentSchemas: { c: { required: ["d"] } } },
    [{ a: 1 }, { a: 1, b: 1 }, { c: 1 }, { c: 1, d: 1 }],
  ],
  [{ $ref: "#name", $defs: { n: { $anchor: "name", type: "number" } } }, [1, "a"]],
];

function compare(validator: Ajv, schema: object | boolean, values: readonly unknown[], told = ""): void {
  const theirs = validator.compile(schema as object);
  const ours = compileSchema(schema);
  for (const value of values) {
    assert.equal(ours(value), theirs(value), `${JSON.stringify(schema)} of ${JSON.stringify(value)} ${told}`);
  }
}

test("each keyword decides as ajv does, in both drafts", () => {
  for (const [schema, values] of [...cases, ...draft7]) compare(new Ajv(options), schema, values);
  for (const [schema, values] of [...cases, ...draft2020]) {
    compare(new Ajv2020(options) as unknown as Ajv, schema, values);
  }
});

test("schemas made of others by chance decide as ajv does", () => {
  const seed = Number(process.env["SCHEMA_SEED"] ?? Date.now() % 1_000_000);
  const { between } = createSeeded(seed);
  const pick = <Item>(items: readonly Item[]) => items[between(0, items.length - 1)] as Item;
  // Within `items`, ajv takes for an empty list what `contains` has said of the list before it: `[[0], []]` has a number in each.
  const plain = cases.filter(([schema]) => !/\$ref|"contains"/.test(JSON.stringify(schema)));
  const values = plain.flatMap(([, some]) => some);
  const make = (depth: number): object | boolean => {
    if (depth === 0) return pick(plain)[0];
    const sub = () => make(depth - 1);
    return pick<() => object>([
      () => ({ allOf: [sub(), sub()] }),
      () => ({ anyOf: [sub(), sub()] }),
      () => ({ oneOf: [sub(), sub(), sub()] }),
      () => ({ not: sub() }),
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      () => ({ if: sub(), then: sub(), else: sub() }),
      () => ({ items: sub(), minItems: between(0, 1) }),
      () => ({ properties: { a: sub(), x1: sub() }, additionalProperties: sub() }),
      () => ({ ...(sub() as object), ...(sub() as object) }),
    ])();
  };
  for (let round = 0; round < 200; round++) {
    const made = Array.from({ length: 12 }, () =>
      pick([() => pick(values), () => [pick(values), pick(values)], () => ({ a: pick(values), x1: pick(values) })])(),
    );
    compare(new Ajv(options), make(between(1, 3)), made, `SCHEMA_SEED=${seed}`);
  }
});

test("S23: what cannot be used is refused with its place, and nothing of a schema runs", () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [1, /# must be an object/],
    [{ properties: { a: 1 } }, /#\/properties\/a must be an object/],
    [{ type: 5 }, /#\/type must be a list/],
    [{ minLength: -1 }, /#\/minLength must be a whole number/],
    [{ multipleOf: 0 }, /above 0/],
    [{ anyOf: [] }, /#\/anyOf must not be empty/],
    [{ pattern: "(a" }, /#\/pattern cannot be used/],
    [{ pattern: "(?=a)" }, /#\/pattern cannot be used/],
    [{ $ref: "https://example.com/x" }, /must begin with #/],
    [{ $ref: "#/definitions/none" }, /there is nothing/],
    [{ $ref: "#/__proto__" }, /there is nothing/],
    [{ $ref: "#/constructor/constructor" }, /there is nothing/],
    [{ unevaluatedProperties: false }, /must not use unevaluatedProperties/],
    [{ properties: { a: { $id: "https://example.com/x" } } }, /must not have an \$id/],
    [JSON.parse(`${'{"not":'.repeat(200)}true${"}".repeat(200)}`), /nested more than/],
  ];
  for (const [schema, message] of refused) {
    assert.throws(
      () => compileSchema(schema),
      (err) => err instanceof SchemaError && message.test(err.message),
      JSON.stringify(schema),
    );
  }
  assert.equal(compileSchema({ required: ["toString"] })({}), false, "what each object inherits is none of its fields");
  const hostile = "process.exit(1)//`$" + "{globalThis.ran=1}`";
  const names = { [`"];${hostile}`]: { const: hostile }, __proto__: { type: "string" } };
  const check = compileSchema({ properties: names, required: [hostile], title: hostile, $comment: hostile });
  assert.equal(check({}), false);
  assert.equal("ran" in globalThis, false);
});

test("an answer that would take too long is not looked at to its end", () => {
  const deep = JSON.parse(`${"[".repeat(2_000)}${"]".repeat(2_000)}`);
  assert.throws(() => compileSchema({ items: { $ref: "#" } })(deep), /too deep/);
  assert.throws(() => compileSchema({ $ref: "#" })(1), /too deep/);
  const items = Array.from({ length: 5_000 }, (_one, n) => n);
  assert.throws(() => compileSchema({ uniqueItems: true })(items), /too long/);
  const wide = { $ref: "#/definitions/d0", definitions: {} as Record<string, object> };
  for (let n = 0; n < 25; n++) {
    const next = n === 24 ? false : { $ref: `#/definitions/d${n + 1}` };
    wide.definitions[`d${n}`] = { anyOf: [{ allOf: [next] }, { allOf: [next] }] };
  }
  assert.throws(() => compileSchema(wide)(1), /too long/);
});
