import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

export const idempotencyKeyHeader = "idempotency-key";

/** 1 to 255 visible ASCII characters; quotes, as the header's draft has them, are part of the key. */
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** The key that a client sent, undefined for none. Throws `kit.invalid_request` for one that is not a key. */
export function readIdempotencyKey(header: (name: string) => string | undefined): string | undefined {
  const key = header(idempotencyKeyHeader);
  if (key === undefined || keyPattern.test(key)) return key;
  throw new Failure(kitFailures.invalid_request, {
    field: idempotencyKeyHeader,
    reason: "must be 1 to 255 visible ASCII characters",
    reason_zh_CN: "必须是 1 到 255 个可见的 ASCII 字符",
  });
}
