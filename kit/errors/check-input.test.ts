import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { checkInput, formatPath } from "./check-input.ts";
import { Failure, failureText } from "./failure.ts";
import { parseInput } from "./parse-input.ts";

const schema = z.strictObject({
  port: z.int().min(1).max(65_535).optional(),
  ratio: z.number().gt(0).lt(1).optional(),
  name: z.string().min(1).max(4).optional(),
  code: z.string().length(2).optional(),
  kind: z.enum(["a", "b", "c"]).optional(),
  site: z.url().optional(),
  slug: z
    .string()
    .regex(/^[a-z]+$/, "lower-case letters only")
    .optional(),
  hex: z
    .string()
    .regex(/^[0-9a-f]+$/)
    .optional(),
  tags: z.array(z.string()).max(2).optional(),
  step: z.int().multipleOf(5).optional(),
  either: z.union([z.literal("off"), z.strictObject({ size: z.int() })]).optional(),
});

const table: readonly [unknown, string, string][] = [
  ["text", ": must be an object, not a string", "：必须是对象，而不是字符串"],
  [{ port: "80" }, "port: must be a number, not a string", "port：必须是数字，而不是字符串"],
  [{ port: 1.5 }, "port: must be a whole number", "port：必须是整数"],
  [{ port: 0 }, "port: must be at least 1", "port：不得小于 1"],
  [{ port: 70_000 }, "port: must be at most 65535", "port：不得大于 65535"],
  [{ ratio: 0 }, "ratio: must be greater than 0", "ratio：必须大于 0"],
  [{ name: "" }, "name: must not be empty", "name：不能为空"],
  [{ name: "abcde" }, "name: must have at most 4 characters", "name：最多为 4 个字符"],
  [{ code: "a" }, "code: must have exactly 2 characters", "code：必须为 2 个字符"],
  [{ kind: "x" }, "kind: must be a, b or c", "kind：必须是 a、b 或 c"],
  [{ site: "nowhere" }, "site: must be a URL", "site：必须是 URL"],
  [{ slug: "A" }, "slug: lower-case letters only", "slug：lower-case letters only"],
  [{ hex: "xyz" }, "hex: must match /^[0-9a-f]+$/", "hex：必须匹配 /^[0-9a-f]+$/"],
  [{ tags: ["a", 2] }, "tags.1: must be a string, not a number", "tags.1：必须是字符串，而不是数字"],
  [{ tags: ["a", "b", "c"] }, "tags: must have at most 2 items", "tags：最多为 2 项"],
  [{ step: 7 }, "step: must be a multiple of 5", "step：必须是 5 的倍数"],
  [{ either: { size: "x" } }, "either.size: must be a number, not a string", "either.size：必须是数字，而不是字符串"],
  [{ either: 5 }, "either: has none of the allowed forms", "either：不符合任何允许的形式"],
  [{ prot: 1 }, "prot: is not a known field; leave it out", "prot：不是已知字段，请去掉"],
];

test("each kind of mistake names the field, the bound and what is wanted, in both languages", () => {
  for (const [value, english, chinese] of table) {
    const result = checkInput(schema, value);
    assert.ok(!result.success, english);
    const [problem] = result.problems;
    assert.equal(`${formatPath(problem?.path ?? [])}: ${problem?.reason.en_US}`, english);
    assert.equal(`${formatPath(problem?.path ?? [])}：${problem?.reason.zh_CN}`, chinese);
  }
});

test("a failure for bad input reads right in both languages and lists every problem", () => {
  const failure = catchFailure(() => parseInput(schema, { port: 0, kind: "x" }));
  assert.equal(failure.message, "port: must be at least 1");
  assert.equal(failureText(failure.type, failure.details, "zh_CN"), "port：不得小于 1");
  assert.deepEqual(failure.details["problems"], ["port: must be at least 1", "kind: must be a, b or c"]);
});

test("a value with a hundred thousand mistakes is answered with twenty", () => {
  const result = checkInput(z.array(z.string()), new Array(100_000).fill(1));
  assert.equal(!result.success && result.problems.length, 20);
});

function catchFailure(work: () => unknown): Failure {
  try {
    work();
  } catch (err) {
    if (err instanceof Failure) return err;
  }
  throw new Error("no failure was thrown");
}

test("text that UTF-8 or PostgreSQL cannot hold is refused wherever it stands, and the message does not repeat it", () => {
  const loose = z.record(z.string(), z.unknown());
  const cases: readonly (readonly [value: unknown, path: string])[] = [
    [{ name: "a\u0000b" }, "name"],
    [{ deep: [{ list: ["fine", "\ud800"] }] }, "deep.0.list.1"],
    [{ "a\u0000b": 1 }, ""],
  ];
  for (const [value, path] of cases) {
    const result = checkInput(loose, value);
    assert.ok(!result.success);
    assert.equal(formatPath(result.problems[0]?.path ?? []), path);
  }
  assert.ok(checkInput(loose, { name: "🔑 密钥 \n\t", bytes: Buffer.from([0]) }).success);
});
