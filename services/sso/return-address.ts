import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";

const ownPath = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,499}$/;
/** A command on the person's own machine (RFC 8252, 7.3). */
const loopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):\d{1,5}(?:\/[\x21-\x5b\x5d-\x7e]{0,400})?$/;

/**
 * Where a browser may be sent when a sign-in has ended: a path of this site, or a port of the person's own machine. Throws
 * `return_refused` for everything else.
 */
export function parseReturnAddress(returnTo: string, publicUrl: string): URL {
  if (!ownPath.test(returnTo) && !loopback.test(returnTo)) throw new Failure(ssoFailures.return_refused);
  const url = URL.canParse(returnTo, publicUrl) ? new URL(returnTo, publicUrl) : undefined;
  const isOwn = url?.origin === new URL(publicUrl).origin;
  const isMachine = url?.hostname === "127.0.0.1" || url?.hostname === "[::1]";
  if (!url || (ownPath.test(returnTo) ? !isOwn : !isMachine)) throw new Failure(ssoFailures.return_refused);
  return url;
}
