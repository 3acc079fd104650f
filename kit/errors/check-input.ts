import type { z } from "zod";
import { describeIssue } from "./describe-issue.ts";
import type { Locale } from "./failure.ts";

/** One thing that is wrong with a value. */
export interface InputProblem {
  /** Where it is wrong, from the value's root. */
  readonly path: readonly PropertyKey[];
  readonly code: NonNullable<z.core.$ZodIssue["code"]>;
  /** What is wrong and what is wanted, to follow the field's name in a sentence. */
  readonly reason: Readonly<Record<Locale, string>>;
}

export type CheckedInput<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly problems: readonly InputProblem[] };

/** More problems than this are not reported: a hostile list could have as many as it has items. */
const maxProblems = 20;
// A zod message holds one text and we need two; a schema's own message without it stands in both languages.
const separator = "\u0000";
/** Far deeper than any schema: the walk below must end. */
const maxDepth = 100;

/** The message of a schema's own rule, in both languages, to follow the field's name in a sentence. */
export function inBothLanguages(en_US: string, zh_CN: string): string {
  return en_US + separator + zh_CN;
}

/** The value as the schema gives it back, or the first 20 things that are wrong with it in both languages. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, value: unknown): CheckedInput<z.output<Schema>> {
  const error: z.core.$ZodErrorMap = (issue) => {
    const text = describeIssue(issue);
    return inBothLanguages(text.en_US, text.zh_CN);
  };
  const badTextPath = findBadText(value, []);
  if (badTextPath) return { success: false, problems: [{ path: badTextPath, code: "custom", reason: badText }] };
  const result = schema.safeParse(value, { error });
  if (result.success) return { success: true, data: result.data };
  const problems: InputProblem[] = [];
  for (const issue of result.error.issues) {
    if (problems.length >= maxProblems) break;
    problems.push(...toProblems(issue, []));
  }
  return { success: false, problems: problems.slice(0, maxProblems) };
}

const badText = {
  en_US: "must be text without NUL and without halves of surrogate pairs",
  zh_CN: "不能包含 NUL 字符或不成对的代理字符",
};

/** Where a text stands that UTF-8 or PostgreSQL could not hold: kept out here, it is nobody's internal error later. */
function findBadText(value: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] | undefined {
  // The path is put together where there is something to tell: a message of thousands of facts is looked through each time.
  if (!hasBadText(value, path.length)) return undefined;
  if (typeof value !== "object" || value === null) return path;
  for (const [name, child] of Object.entries(value)) {
    const found = findBadText(name, path) ?? findBadText(child, [...path, name]);
    if (found) return found;
  }
  return undefined;
}

function hasBadText(value: unknown, depth: number): boolean {
  if (typeof value === "string") return !value.isWellFormed() || value.includes("\u0000");
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || depth >= maxDepth) return false;
  if (Array.isArray(value)) return value.some((child) => hasBadText(child, depth + 1));
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    if (hasBadText(name, depth) || hasBadText((value as Record<string, unknown>)[name], depth + 1)) return true;
  }
  return false;
}

/** `a.b.0` for a path. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map(String).join(".");
}

function toProblems(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): InputProblem[] {
  const path = [...prefix, ...issue.path];
  const [en_US = "", zh_CN = en_US] = issue.message.split(separator);
  const reason = { en_US, zh_CN };
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, maxProblems).map((key) => ({ path: [...path, key], code: issue.code, reason }));
  }
  // The branch that got furthest is the one that was meant: it accepted the type and found fault deeper inside.
  if (issue.code === "invalid_union") {
    const meant = issue.errors.find((branch) => !branch.some(isWrongKind));
    if (meant) return meant.slice(0, maxProblems).flatMap((nested) => toProblems(nested, path));
  }
  if (issue.code === "invalid_element" || issue.code === "invalid_key") {
    const [nested] = issue.issues;
    if (nested) return toProblems(nested, issue.code === "invalid_element" ? [...path, String(issue.key)] : path);
  }
  return [{ path, code: issue.code, reason }];
}

function isWrongKind(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}
