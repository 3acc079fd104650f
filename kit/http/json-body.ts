import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

const maxDepth = 64;
const maxValues = 50_000;
/** Names by which a careless merge would reach a prototype. */
const forbiddenNames = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A JSON body as a value, undefined for an empty one. Throws `kit.invalid_request` for text that is not JSON, is deeper
 * than 64 levels, holds more than 50,000 values or has a field named `__proto__`, `constructor` or `prototype`.
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw refuse("body", "is not valid JSON", "不是有效的 JSON");
  }
  checkShape(value);
  return value;
}

// A loop rather than recursion: depth is what an attacker chooses.
function checkShape(root: unknown): void {
  let level: unknown[] = [root];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw refuse("body", `is nested deeper than ${maxDepth} levels`, `嵌套超过 ${maxDepth} 层`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      if (!Array.isArray(value)) {
        for (const name of Object.keys(value)) {
          if (forbiddenNames.has(name)) throw refuse(name, "is not an allowed field name", "不是允许的字段名");
        }
      }
      const children = Array.isArray(value) ? value : Object.values(value);
      values += children.length;
      if (values > maxValues) throw refuse("body", `holds more than ${maxValues} values`, `包含超过 ${maxValues} 个值`);
      for (const child of children) next.push(child);
    }
    level = next;
  }
}

function refuse(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
