import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { type FailureType, failureText } from "@lyss/kit/errors/failure.ts";
import { dataHeaders } from "@lyss/kit/http/failure-reply.ts";
import type { ToFailureReply } from "@lyss/kit/http/route.ts";
import { errorMessage } from "./attributes.ts";

export const scimMediaType = "application/scim+json; charset=utf-8";

/** Words of the standard for what is wrong (RFC 7644, table 9), where one fits. */
const scimTypes: ReadonlyMap<FailureType, string> = new Map([
  [ssoFailures.scim_taken, "uniqueness"],
  [ssoFailures.scim_filter_invalid, "invalidFilter"],
  [ssoFailures.scim_path_invalid, "invalidPath"],
  [ssoFailures.scim_no_target, "noTarget"],
  [ssoFailures.scim_immutable, "mutability"],
  [ssoFailures.scim_member_unknown, "invalidValue"],
]);

/** A failure as SCIM tells one (RFC 7644, 3.12), in the caller's language. */
export const toScimErrorReply: ToFailureReply = (failure, { locale }) => {
  const { type, details } = failure;
  const scimType = scimTypes.get(type);
  const body = {
    schemas: [errorMessage],
    status: String(type.httpStatus),
    ...(scimType !== undefined && { scimType }),
    detail: failureText(type, details, locale),
  };
  const headers: Record<string, string> = {
    ...{ ...dataHeaders, "content-type": scimMediaType, "content-language": locale.replace("_", "-") },
  };
  if (failure.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1000));
  if (type.httpStatus === 401) headers["www-authenticate"] = 'Bearer realm="SCIM"';
  return { status: type.httpStatus, headers, body: JSON.stringify(body) };
};
