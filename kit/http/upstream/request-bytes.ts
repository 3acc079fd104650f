import { isTokenByte, isValueByte } from "./bytes.ts";
import { UpstreamError } from "./upstream-error.ts";

/** Up to here head and body are one buffer and one write; above, copying costs more than a second piece. */
export const maxJoinedBytes = 65_536;
export const maxRequestHeadBytes = 32_768;

export interface RequestStart {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Begins with a slash; visible ASCII only. */
  readonly path: string;
  /** Host and port as they stand in the URL: `UpstreamPool.authority`. */
  readonly authority: string;
  /** By name in lower case. What frames the message or belongs to the connection is not the caller's to set. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A request, ready to be written. */
export interface RequestBytes {
  /** The head, and the body behind it where that is short. */
  readonly bytes: Buffer;
  /** The body where it is long. It must not change until the call is over. */
  readonly longBody: Buffer | undefined;
  readonly isHead: boolean;
}

/** Fields that say where the message ends or what becomes of the connection: written here, or not at all. */
const ownFields = new Set([
  ...["host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer"],
  ...["upgrade", "expect"],
]);

/**
 * The head of a request up to its length: the same for every call to one endpoint with one credential, so worth keeping.
 * Throws `invalid_request`, without the value, for what would not be one request with these fields.
 */
export function toRequestStart({ method, path, authority, headers }: RequestStart): string {
  // A space or line break here begins another field or another request.
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw refuse("the path");
  if (!/^[\x21-\x7e]+$/.test(authority)) throw refuse("the host");
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (ownFields.has(name) || name === "" || !isAll(name, isTokenByte)) throw refuse(`a field's name`);
    if (!isAll(value, isValueByte)) throw refuse(`the field ${name}`);
    text += `${name}: ${value}\r\n`;
  }
  if (text.length > maxRequestHeadBytes) throw refuse("the size of the head");
  return text;
}

/** A request of that start with `body`, or without one. */
export function composeRequest(start: string, body: Buffer | undefined): RequestBytes {
  const isHead = start.startsWith("HEAD ");
  if (!body) {
    const end = start.startsWith("GET ") || isHead ? "\r\n" : "content-length: 0\r\n\r\n";
    return { bytes: Buffer.from(start + end, "latin1"), longBody: undefined, isHead };
  }
  const head = `${start}content-length: ${body.length}\r\n\r\n`;
  const size = head.length + body.length;
  if (size > maxJoinedBytes) return { bytes: Buffer.from(head, "latin1"), longBody: body, isHead };
  const bytes = Buffer.allocUnsafe(size);
  bytes.write(head, 0, "latin1");
  body.copy(bytes, head.length);
  return { bytes, longBody: undefined, isHead };
}

function isAll(text: string, isAllowed: (byte: number) => boolean): boolean {
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n);
    // One byte a character: others are cut to one when they are written, and that one may be a line break.
    if (code > 255 || !isAllowed(code)) return false;
  }
  return true;
}

function refuse(what: string): UpstreamError {
  return new UpstreamError("invalid_request", `${what} of the request cannot be written as HTTP`, {
    mayHaveLeft: false,
  });
}
