import type { IncomingMessage } from "node:http";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

// RFC 9110, 7.2: uri-host [ ":" port ]. Anything else (/ ? # @ space) could make another server see another path.
const hostPattern = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])?(?::[0-9]{1,5})?$/;

// Characters that RFC 3986 allows in a path. A percent-encoding may only stand for what could not be written plainly:
// an encoded letter, dot, slash, colon, backslash or control is one path for us and another for the server in front.
const pathPattern =
  /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%(?!0|1|7[Ff]|2[DdEeFf]|3[0-9Aa]|5[CcFf]|4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9AaEe])[0-9A-Fa-f]{2})*$/;

/** Headers of which node:http keeps the first while another server may keep the last. */
export const singleHeaders: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "content-type",
  "content-encoding",
  "traceparent",
  "x-api-key",
  "x-goog-api-key",
]);

/**
 * Throws `kit.invalid_request` for a head that two servers could read differently: a Host that is more than a name and a
 * port, a header sent twice that may stand once, or chunks of HTTP/1.0. Other framing (lengths, folds, bare line ends) is refused by node:http.
 */
export function checkRequestHead(req: IncomingMessage): void {
  if (!isPlainHost(req.headers.host ?? "")) throw refuse("Host", "must be a host name, and a port if need be");
  // RFC 9112, 6.1: HTTP/1.0 knows no chunks, so whoever is in front may end the request elsewhere; node:http reads them all the same.
  if (req.httpVersion === "1.0" && req.headers["transfer-encoding"] !== undefined) {
    throw refuse("Transfer-Encoding", "must not be sent in HTTP/1.0");
  }
  const names = req.rawHeaders;
  // As many names as headers: nothing was sent twice.
  if (Object.keys(req.headers).length * 2 === names.length) return;
  let seen = "";
  for (let i = 0; i < names.length; i += 2) {
    const name = names[i]?.toLowerCase() ?? "";
    if (!singleHeaders.has(name)) continue;
    if (seen.includes(`${name};`)) throw refuse(name, "must not be sent twice");
    seen += `${name};`;
  }
}

/** True for a Host that is a name or an address, with a port if need be, and for an empty one. */
export function isPlainHost(host: string): boolean {
  return hostPattern.test(host);
}

/** The path of a request target, without its query. */
export function pathOf(req: IncomingMessage): string {
  const target = req.url ?? "";
  const end = target.indexOf("?");
  return end < 0 ? target : target.slice(0, end);
}

/** True for a path that can be written in one way only, so that every server on the way routes it alike. */
export function isCanonicalPath(path: string): boolean {
  return pathPattern.test(path) && !/\/\/|.\/$|\/\.{1,2}(?:\/|$)/.test(path);
}

const chinese: Readonly<Record<string, string>> = {
  "must be a host name, and a port if need be": "必须是主机名，可带端口",
  "must not be sent twice": "不得重复发送",
  "must not be sent in HTTP/1.0": "不得在 HTTP/1.0 中发送",
};

function refuse(field: string, reason: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN: chinese[reason] ?? reason });
}

/** The one value of a header, undefined when it is absent. */
export function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === "string" ? value : undefined;
}
