import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Locale } from "../errors/failure.ts";
import { localeOf } from "./locale.ts";
import { pageStyleSource } from "./page-style.ts";

/** A file of a site, in each form in which it may leave. */
export interface SiteFile {
  readonly contentType: string;
  /** True for a name that holds a hash of what is in it: it may be kept for good. */
  readonly isImmutable: boolean;
  readonly etag: string;
  readonly plain: Buffer;
  readonly br: Buffer | undefined;
  readonly gzip: Buffer | undefined;
}

/** Pages for browsers beside the API, as files that were built before. */
export interface Site {
  /** By path, `/assets/app-1f2e.js`; the page is `/index.html`. Undefined while there are none. */
  files(): ReadonlyMap<string, SiteFile> | undefined;
  /** What a browser is shown while there are none. Without script; a browser comes back after `retrySeconds` if given. */
  notice(locale: Locale): { readonly html: string; readonly retrySeconds?: number };
}

/** Answers a request; what it is answered with is whole. */
export type ServeFile = (req: IncomingMessage, res: ServerResponse) => void;

const page = "/index.html";

/**
 * No script or style but our own files, none inline, no frame around us. Data and blob URLs are for images and sounds that a page
 * makes itself.
 */
const policy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'"],
  ...["connect-src 'self'", "media-src 'self' data: blob:", "manifest-src 'self'", "worker-src 'self'"],
  ...["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"],
].join("; ");

const siteHeaders = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
} as const;

/**
 * Finds what a site answers: its files by their exact path, and its page for whatever address a browser opens that is not below a
 * first segment of the API's (`apiPaths`). Undefined for everything else, and for all methods but GET and HEAD.
 */
export function createSiteFinder(
  site: Site,
  apiPaths: readonly string[],
): (req: IncomingMessage, path: string) => ServeFile | undefined {
  const taken = new Set([...apiPaths.map(firstSegmentOf), "assets"]);
  return (req, path) => {
    if (req.method !== "GET" && req.method !== "HEAD") return undefined;
    const files = site.files();
    const file = path === page ? undefined : files?.get(path);
    if (file) return (asked, res) => sendFile(asked, res, file);
    if (taken.has(firstSegmentOf(path)) || !(path === "/" || wantsPage(req))) return undefined;
    const built = files?.get(page);
    return (asked, res) => (built ? sendFile(asked, res, built) : sendNotice(asked, res, site));
  };
}

/** A file as a site has it. `br` and `gzip` are the same bytes, compressed before. */
export function toSiteFile(file: Pick<SiteFile, "contentType" | "isImmutable" | "plain" | "br" | "gzip">): SiteFile {
  return { ...file, etag: `"${createHash("sha256").update(file.plain).digest("base64url").slice(0, 22)}"` };
}

function firstSegmentOf(path: string): string {
  return path.split("/", 2)[1] ?? "";
}

function wantsPage({ headers }: IncomingMessage): boolean {
  return (headers.accept ?? "").toLowerCase().includes("text/html");
}

function sendFile(req: IncomingMessage, res: ServerResponse, file: SiteFile): void {
  const { etag, contentType, isImmutable } = file;
  const headers = {
    ...siteHeaders,
    etag,
    "cache-control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
    vary: "accept-encoding",
  };
  if (isKnown(req.headers["if-none-match"], etag)) {
    res.writeHead(304, headers).end();
    return;
  }
  const [encoding, bytes] = choose(req.headers["accept-encoding"], file);
  res.writeHead(200, {
    ...headers,
    "content-type": contentType,
    "content-length": bytes.length,
    ...(encoding && { "content-encoding": encoding }),
  });
  res.end(req.method === "HEAD" ? undefined : bytes);
}

/** Weakly, as RFC 9110, 13.1.2, has it: proxies that compress make ours weak. */
function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

function choose(header: string | undefined, { plain, br, gzip }: SiteFile): readonly [string | undefined, Buffer] {
  const taken = (header ?? "").toLowerCase().split(",");
  const takes = (name: string) =>
    taken.some((one) => one.trim().split(";")[0] === name && !/;\s*q=0(\.0*)?\s*$/.test(one));
  if (br && takes("br")) return ["br", br];
  if (gzip && takes("gzip")) return ["gzip", gzip];
  return [undefined, plain];
}

function sendNotice(req: IncomingMessage, res: ServerResponse, site: Site): void {
  const { html, retrySeconds } = site.notice(localeOf(req.headers["accept-language"]));
  const bytes = Buffer.from(html);
  res.writeHead(503, {
    ...siteHeaders,
    "content-security-policy": policy.replace("style-src 'self'", `style-src 'self' ${pageStyleSource}`),
    "content-type": "text/html; charset=utf-8",
    "content-length": bytes.length,
    "cache-control": "no-store",
    ...(retrySeconds !== undefined && { refresh: String(retrySeconds), "retry-after": String(retrySeconds) }),
  });
  res.end(req.method === "HEAD" ? undefined : bytes);
}
