import type { z } from "zod";
import { checkInput, formatPath } from "./check-input.ts";
import { Failure } from "./failure.ts";
import { kitFailures } from "./kit-failures.ts";

/**
 * The value as the schema gives it back. Throws `kit.invalid_request` that names the first field at fault, what is wanted
 * of it, and in `problems` everything that is wrong if there is more. `root` names the value where it is at fault as a whole.
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  root = "request",
): z.output<Schema> {
  const result = checkInput(schema, value);
  if (result.success) return result.data;
  const [first] = result.problems;
  const nameOf = (path: readonly PropertyKey[]) => formatPath(path).slice(0, 200) || root;
  throw new Failure(kitFailures.invalid_request, {
    field: nameOf(first?.path ?? []),
    reason: first?.reason.en_US ?? "is not valid",
    reason_zh_CN: first?.reason.zh_CN ?? "无效",
    ...(result.problems.length > 1 && {
      problems: result.problems.map(({ path, reason }) => `${nameOf(path)}: ${reason.en_US}`),
    }),
  });
}
