import { createPatternDetector } from "./pattern-detector.ts";
import { PatternError } from "./pattern-program.ts";

// An interpreter, and nothing else: a tenant's schema becomes no code of this process (scenario S23), and its patterns take linear
// time. JSON Schema, drafts 7 to 2020-12 (json-schema.org/draft/2020-12/json-schema-validation), but for what those drafts need to
// know of other documents or of what other keywords have looked at.

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown, run: Run) => boolean;

/** What a check may still take. */
interface Run {
  steps: number;
  depth: number;
}

/** Why a schema cannot be used, in words that go on from "must be a JSON Schema: ". */
export class SchemaError extends Error {}

const maxSteps = 1_000_000;
const maxDepth = 500;
const maxSchemaDepth = 100;
/** They say something, and it would not be looked at. */
const refused = [
  ...["$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"],
  ...["contentSchema", "$vocabulary"],
];

/** Where a keyword stands. */
interface Place {
  readonly schema: Fields;
  /** For what is wrong with it. */
  readonly path: string;
  readonly compile: (sub: unknown, name: string) => Check;
  readonly resolve: (reference: string) => Check;
}

/**
 * What says whether a value keeps to the schema. Throws a SchemaError for one that is none or cannot be used; what it gives throws an Error
 * for a value that would take too long.
 */
export function compileSchema(root: unknown): (value: unknown) => boolean {
  const known = new Map<unknown, Check>();

  function compile(schema: unknown, path: string, depth: number): Check {
    if (typeof schema === "boolean") return () => schema;
    if (!isObject(schema)) throw new SchemaError(`${path} must be an object, true or false`);
    if (depth > maxSchemaDepth) throw new SchemaError(`it is nested more than ${maxSchemaDepth} deep`);
    const before = known.get(schema);
    if (before) return before;
    let checks: readonly Check[] = [];
    const check: Check = (value, run) => within(run, () => checks.every((one) => one(value, run)));
    // Known before its parts are: one of them may be itself.
    known.set(schema, check);
    checks = checksOf({
      ...{ schema, path },
      compile: (sub, name) => compile(sub, `${path}/${name}`, depth + 1),
      resolve: (reference) => compile(find(root, reference), reference, depth + 1),
    });
    return check;
  }

  const check = compile(root, "#", 0);
  return (value) => check(value, { steps: 0, depth: 0 });
}

function within(run: Run, work: () => boolean): boolean {
  spend(run, 1);
  if (run.depth >= maxDepth) throw new Error("the answer or its schema goes too deep");
  run.depth++;
  try {
    return work();
  } finally {
    run.depth--;
  }
}

function spend(run: Run, steps: number): void {
  run.steps += steps;
  if (run.steps > maxSteps) throw new Error("the answer takes too long to be held against its schema");
}

function checksOf(place: Place): readonly Check[] {
  const { schema, path } = place;
  const unknown = refused.find((name) => Object.hasOwn(schema, name));
  if (unknown) throw new SchemaError(`${path} must not use ${unknown}`);
  if (path !== "#" && typeof schema["$id"] === "string") throw new SchemaError(`${path} must not have an $id`);
  const read = (name: string) => (Object.hasOwn(schema, name) ? schema[name] : undefined);
  return keywords.flatMap(([names, toCheck]) => {
    const isThere = names.some((name) => read(name) !== undefined);
    return isThere ? [toCheck(read, place)] : [];
  });
}

type Read = (name: string) => unknown;
type Keyword = readonly [names: readonly string[], toCheck: (read: Read, place: Place) => Check];

const keywords: readonly Keyword[] = [
  [["$ref"], (read, { resolve, path }) => resolve(text(read("$ref"), `${path}/$ref`))],
  [["type"], (read, { path }) => typeCheck(read("type"), `${path}/type`)],
  [["enum"], (read, { path }) => oneOfValues(list(read("enum"), `${path}/enum`))],
  [["const"], (read) => oneOfValues([read("const")])],
  ...numberKeywords(),
  ...lengthKeywords(),
  [["pattern"], (read, { path }) => ifText(patternTest(read("pattern"), `${path}/pattern`))],
  [["prefixItems", "items", "additionalItems"], itemsCheck],
  [["contains"], containsCheck],
  [["uniqueItems"], (read) => ifArray((items, run) => read("uniqueItems") !== true || areUnique(items, run))],
  [["required"], (read, { path }) => hasAll(texts(read("required"), `${path}/required`))],
  [["properties", "patternProperties", "additionalProperties"], propertiesCheck],
  [["propertyNames"], (read, { compile }) => namesCheck(compile(read("propertyNames"), "propertyNames"))],
  [["dependentRequired", "dependentSchemas", "dependencies"], dependenciesCheck],
  [
    ["allOf"],
    (read, place) => each("allOf", read, place, (checks, value, run) => checks.every((one) => one(value, run))),
  ],
  [
    ["anyOf"],
    (read, place) => each("anyOf", read, place, (checks, value, run) => checks.some((one) => one(value, run))),
  ],
  [
    ["oneOf"],
    (read, place) =>
      each("oneOf", read, place, (checks, value, run) => checks.filter((one) => one(value, run)).length === 1),
  ],
  [["not"], (read, { compile }) => negate(compile(read("not"), "not"))],
  [["if"], conditionCheck],
];

function numberKeywords(): readonly Keyword[] {
  const limits: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
    maximum: (value, limit) => value <= limit,
    minimum: (value, limit) => value >= limit,
    exclusiveMaximum: (value, limit) => value < limit,
    exclusiveMinimum: (value, limit) => value > limit,
    multipleOf: (value, of) => Number.isInteger(value / of),
  };
  return Object.entries(limits).map(
    ([name, holds]): Keyword => [
      [name],
      (read, { path }) => {
        const limit = number(read(name), `${path}/${name}`);
        if (name === "multipleOf" && limit <= 0) throw new SchemaError(`${path}/${name} must be above 0`);
        return (value) => typeof value !== "number" || holds(value, limit);
      },
    ],
  );
}

function lengthKeywords(): readonly Keyword[] {
  const counts = {
    Length: (value: unknown) => (typeof value === "string" ? countCharacters(value) : undefined),
    Items: (value: unknown) => (Array.isArray(value) ? value.length : undefined),
    Properties: (value: unknown) => (isObject(value) ? Object.keys(value).length : undefined),
  };
  return Object.entries(counts).flatMap(([what, countOf]): Keyword[] => [
    [[`max${what}`], (read, { path }) => countCheck(countOf, count(read(`max${what}`), `${path}/max${what}`), false)],
    [[`min${what}`], (read, { path }) => countCheck(countOf, count(read(`min${what}`), `${path}/min${what}`), true)],
  ]);
}

function countCheck(countOf: (value: unknown) => number | undefined, limit: number, isLeast: boolean): Check {
  return (value) => {
    const counted = countOf(value);
    return counted === undefined || (isLeast ? counted >= limit : counted <= limit);
  };
}

const isOfType: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  number: (value) => Number.isFinite(value),
  integer: (value) => Number.isInteger(value),
  array: (value) => Array.isArray(value),
  object: isObject,
};

function typeCheck(type: unknown, path: string): Check {
  const names = typeof type === "string" ? [type] : texts(type, path);
  const tests = names.map((name) => (Object.hasOwn(isOfType, name) ? isOfType[name] : undefined));
  return (value) => tests.some((isOf) => isOf?.(value));
}

function oneOfValues(values: readonly unknown[]): Check {
  return (value) => values.some((one) => isSame(one, value));
}

/** Draft 7 has a list in `items`, and the rest in `additionalItems`. */
function itemsCheck(read: Read, { compile, path }: Place): Check {
  const isTuple = Array.isArray(read("items"));
  const name = isTuple ? "items" : "prefixItems";
  const first = list(read(name) ?? [], `${path}/${name}`).map((sub, n) => compile(sub, `${name}/${n}`));
  const restName = isTuple ? "additionalItems" : "items";
  const rest = read(restName) === undefined ? undefined : compile(read(restName), restName);
  return ifArray((items, run) => items.every((item, n) => (first[n] ? first[n](item, run) : !rest || rest(item, run))));
}

function containsCheck(read: Read, { compile, path }: Place): Check {
  const check = compile(read("contains"), "contains");
  const least = count(read("minContains") ?? 1, `${path}/minContains`);
  const most = read("maxContains") === undefined ? undefined : count(read("maxContains"), `${path}/maxContains`);
  return ifArray((items, run) => {
    const found = items.filter((item) => check(item, run)).length;
    return found >= least && (most === undefined || found <= most);
  });
}

function areUnique(items: readonly unknown[], run: Run): boolean {
  return items.every((item, n) => {
    spend(run, n);
    return !items.slice(0, n).some((other) => isSame(other, item));
  });
}

function hasAll(names: readonly string[]): Check {
  return ifObject((value) => names.every((name) => Object.hasOwn(value, name)));
}

function propertiesCheck(read: Read, { compile, path }: Place): Check {
  const own = new Map(
    entries(read("properties"), `${path}/properties`).map(([name, sub]) => [name, compile(sub, `properties/${name}`)]),
  );
  const patterns = entries(read("patternProperties"), `${path}/patternProperties`).map(([pattern, sub]) => ({
    isMeant: patternTest(pattern, `${path}/patternProperties`),
    check: compile(sub, `patternProperties/${pattern}`),
  }));
  const additional = read("additionalProperties");
  const rest = additional === undefined ? undefined : compile(additional, "additionalProperties");
  return ifObject((value, run) =>
    Object.entries(value).every(([name, field]) => {
      const meant = patterns.filter(({ isMeant }) => isMeant(name)).map(({ check }) => check);
      const named = own.get(name);
      if (named) meant.push(named);
      if (meant.length === 0) return !rest || rest(field, run);
      return meant.every((check) => check(field, run));
    }),
  );
}

function namesCheck(check: Check): Check {
  return ifObject((value, run) => Object.keys(value).every((name) => check(name, run)));
}

/** Draft 7 has both kinds in `dependencies`. */
function dependenciesCheck(read: Read, { compile, path }: Place): Check {
  const all = ["dependentRequired", "dependentSchemas", "dependencies"].flatMap((keyword) =>
    entries(read(keyword), `${path}/${keyword}`).map(([name, given]) => ({
      name,
      check: Array.isArray(given)
        ? hasAll(texts(given, `${path}/${keyword}/${name}`))
        : compile(given, `${keyword}/${name}`),
    })),
  );
  return ifObject((value, run) => all.every(({ name, check }) => !Object.hasOwn(value, name) || check(value, run)));
}

function each(
  keyword: string,
  read: Read,
  { compile, path }: Place,
  holds: (checks: readonly Check[], value: unknown, run: Run) => boolean,
): Check {
  const subs = list(read(keyword), `${path}/${keyword}`);
  if (subs.length === 0) throw new SchemaError(`${path}/${keyword} must not be empty`);
  const checks = subs.map((sub, n) => compile(sub, `${keyword}/${n}`));
  return (value, run) => holds(checks, value, run);
}

function negate(check: Check): Check {
  return (value, run) => !check(value, run);
}

function conditionCheck(read: Read, { compile }: Place): Check {
  const condition = compile(read("if"), "if");
  const [then, otherwise] = ["then", "else"].map((name) =>
    read(name) === undefined ? undefined : compile(read(name), name),
  );
  return (value, run) => {
    const next = condition(value, run) ? then : otherwise;
    return next ? next(value, run) : true;
  };
}

function ifText(test: (text: string) => boolean): Check {
  return (value) => typeof value !== "string" || test(value);
}

function ifArray(check: (items: readonly unknown[], run: Run) => boolean): Check {
  return (value, run) => !Array.isArray(value) || check(value, run);
}

function ifObject(check: (value: Fields, run: Run) => boolean): Check {
  return (value, run) => !isObject(value) || check(value, run);
}

function patternTest(pattern: unknown, path: string): (text: string) => boolean {
  try {
    const detector = createPatternDetector(text(pattern, path), "pattern", false);
    return (value) => detector.scan(value, 0, true).matches.length > 0;
  } catch (err) {
    if (err instanceof PatternError) throw new SchemaError(`${path} cannot be used: ${err.message}`);
    throw err;
  }
}

/** What a reference within the document means: a JSON pointer (RFC 6901) or the name of an `$anchor`. */
function find(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) throw new SchemaError(`a $ref must begin with #, and ${quote(reference)} does not`);
  const said = decode(reference.slice(1));
  const found = said === "" || said.startsWith("/") ? findByPointer(root, said) : findAnchor(root, said, 0);
  if (found === undefined) throw new SchemaError(`there is nothing at $ref ${quote(reference)}`);
  return found;
}

function findByPointer(root: unknown, pointer: string): unknown {
  let at = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    at = (isObject(at) || Array.isArray(at)) && Object.hasOwn(at, name) ? (at as Fields)[name] : undefined;
  }
  return at;
}

function findAnchor(at: unknown, name: string, depth: number): unknown {
  if (typeof at !== "object" || at === null || depth > maxSchemaDepth) return undefined;
  if (isObject(at) && at["$anchor"] === name) return at;
  for (const sub of Object.values(at)) {
    const found = findAnchor(sub, name, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, n) => isSame(item, b[n]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function countCharacters(text: string): number {
  let characters = 0;
  for (const _ of text) characters++;
  return characters;
}

function list(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new SchemaError(`${path} must be a list`);
}

function texts(value: unknown, path: string): readonly string[] {
  return list(value, path).map((item) => text(item, path));
}

function text(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw new SchemaError(`${path} must be a text`);
}

function number(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new SchemaError(`${path} must be a number`);
}

function count(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new SchemaError(`${path} must be a whole number`);
}

function entries(value: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (value === undefined) return [];
  if (isObject(value)) return Object.entries(value);
  throw new SchemaError(`${path} must be an object`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
