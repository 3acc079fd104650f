import type { z } from "zod";
import { Failure } from "./failure.ts";
import { kitFailures } from "./kit-failures.ts";

/** The value as the schema gives it back. Throws `kit.invalid_request` that names the first field at fault. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Failure(kitFailures.invalid_request, {
    field: issue?.path.join(".") || "request",
    reason: issue?.message ?? "is invalid",
  });
}
