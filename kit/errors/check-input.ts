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
// A zod message holds one text and we need two; a schema's own message has no separator and stands in both languages.
const separator = "\u0000";

/** The value as the schema gives it back, or the first 20 things that are wrong with it in both languages. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, value: unknown): CheckedInput<z.output<Schema>> {
  const error: z.core.$ZodErrorMap = (issue) => {
    const text = describeIssue(issue);
    return text.en_US + separator + text.zh_CN;
  };
  const result = schema.safeParse(value, { error });
  if (result.success) return { success: true, data: result.data };
  const problems: InputProblem[] = [];
  for (const issue of result.error.issues) {
    if (problems.length >= maxProblems) break;
    problems.push(...toProblems(issue, []));
  }
  return { success: false, problems: problems.slice(0, maxProblems) };
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
