import { singleHeaders } from "../request-head.ts";

/** Which requests are hot, as data. */
export interface HeadTableOptions {
  /** Methods and paths, byte for byte: `POST /v1/chat/completions`. A GET has no body, and every other has one. */
  readonly targets: readonly string[];
  /** Lower-case names of the headers that whoever serves reads; a request that sends one of them twice is not hot. */
  readonly wantedHeaders: readonly string[];
  /** Lower-case names of headers that only the ordinary way understands: a request with one of them is not hot. */
  readonly heldBackHeaders: readonly string[];
}

/** What a header's name decides. A number from 0 on is the header's place among those wanted. */
export const headerRole = { host: -1, contentLength: -2, connection: -3, heldBack: -4, single: -5 } as const;

/** A name that decides something. */
export interface KnownHeader {
  readonly name: Uint8Array;
  readonly role: number;
  /** Its own bit, so that one number remembers which have been seen. */
  readonly bit: number;
}

export interface HeadTable {
  readonly targets: readonly string[];
  /** The request line of each target, with its line end. */
  readonly requestLines: readonly Uint8Array[];
  /** Of each target whether its requests have a body. */
  readonly takesBody: readonly boolean[];
  /** Known headers by the length of their name. */
  readonly byLength: readonly (readonly KnownHeader[])[];
  readonly wantedCount: number;
}

/**
 * Names that make the ordinary way treat a request in its own manner: another framing (RFC 9112, 6.1), an answer before
 * the body (RFC 9110, 10.1.1), another protocol (7.8), a body that is not what it seems, and what llhttp takes for
 * `Connection`.
 */
const alwaysHeldBack = ["transfer-encoding", "expect", "upgrade", "content-encoding", "proxy-connection"];

const targetPattern = /^(?:POST|PUT|PATCH|GET) \/[A-Za-z0-9\-._~/]{1,200}$/;
const namePattern = /^[a-z0-9-]{1,64}$/;
/** A number's bits that JavaScript's operators work on without a sign. */
const maxKnownHeaders = 30;

/** Throws a TypeError for a target or a name that a head could never equal, and for a name with two roles. */
export function createHeadTable(options: HeadTableOptions): HeadTable {
  const { targets, wantedHeaders } = options;
  const roles = new Map<string, number>();
  const add = (name: string, role: number) => {
    if (!namePattern.test(name)) throw new TypeError(`${name} is not the lower-case name of a header`);
    if (roles.has(name)) throw new TypeError(`the header ${name} has two roles`);
    roles.set(name, role);
  };
  add("host", headerRole.host);
  add("content-length", headerRole.contentLength);
  add("connection", headerRole.connection);
  for (const [index, name] of wantedHeaders.entries()) add(name, index);
  for (const name of new Set([...alwaysHeldBack, ...options.heldBackHeaders])) add(name, headerRole.heldBack);
  for (const name of singleHeaders) if (!roles.has(name)) add(name, headerRole.single);
  if (roles.size > maxKnownHeaders) throw new TypeError(`${roles.size} known headers are more than ${maxKnownHeaders}`);

  const known = [...roles].map(([name, role], index) => ({ name: Buffer.from(name), role, bit: 1 << index }));
  const longest = Math.max(...known.map(({ name }) => name.length));
  for (const target of targets) if (!targetPattern.test(target)) throw new TypeError(`${target} cannot be hot`);
  return {
    targets,
    requestLines: targets.map((target) => Buffer.from(`${target} HTTP/1.1\r\n`)),
    takesBody: targets.map((target) => !target.startsWith("GET ")),
    byLength: Array.from({ length: longest + 1 }, (_, length) => known.filter(({ name }) => name.length === length)),
    wantedCount: wantedHeaders.length,
  };
}

/** The known header that a token names in whatever case, undefined for any other. */
export function findHeader(table: HeadTable, bytes: Uint8Array, start: number, end: number): KnownHeader | undefined {
  const candidates = table.byLength[end - start];
  if (candidates === undefined) return undefined;
  for (const known of candidates) if (equalsFolded(bytes, start, known.name)) return known;
  return undefined;
}

/**
 * True when the bytes from `start` on are those of `lower` (letters, digits, hyphens) in whatever case. Exact for visible
 * bytes only: one more bit makes a capital small, leaves digits and hyphens, and makes no other visible byte one of them.
 */
export function equalsFolded(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) if (((bytes[start + i] as number) | 0x20) !== lower[i]) return false;
  return true;
}
