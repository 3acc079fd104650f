import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

/** The version of a thing as an entity tag (RFC 9110, 8.8.3). */
export function toEntityTag(version: number): string {
  return `"${version}"`;
}

/**
 * The version that a change expects, from `If-Match`: undefined when there is none, or for `*`, which any version is.
 * Throws `kit.invalid_request` for what is not one entity tag of ours; a weak one never matches (RFC 9110, 13.1.1).
 */
export function parseIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const version = /^\s*"(\d{1,15})"\s*$/.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  throw new Failure(kitFailures.invalid_request, {
    field: "If-Match",
    reason: 'must be the ETag of an earlier answer, such as "7", or *',
    reason_zh_CN: '必须是先前响应中的 ETag，例如 "7"，或 *',
  });
}
