import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

const maxFields = 64;

/**
 * The fields of a form (application/x-www-form-urlencoded). Throws `kit.invalid_request` for more than
 * 64 fields and for one that is given twice.
 */
export function parseFormBody(body: Buffer): Readonly<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, value] of new URLSearchParams(body.toString())) {
    if (++count > maxFields) throw refuse("body", `has more than ${maxFields} fields`, `字段超过 ${maxFields} 个`);
    if (name in fields) throw refuse(name.slice(0, 200), "must not be given twice", "不得重复给出");
    fields[name] = value;
  }
  return fields;
}

function refuse(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
