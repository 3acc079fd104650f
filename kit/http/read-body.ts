import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

const empty = Buffer.alloc(0);

/** The largest window that a content coding of zstd may ask for: 8 MiB (RFC 9659, 3). */
const zstdWindowLog = 23;

/** How compressed bodies are read, by their `Content-Encoding`. */
const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }),
};

/**
 * Throws before anything is read: `kit.unsupported_media_type` for a body that is compressed, or that is in another way than those that
 * are read where `mayBeCompressed`, and `kit.body_too_large` for a declared length above `limitBytes`.
 */
export function checkBodyHead(req: IncomingMessage, limitBytes: number, mayBeCompressed = false): void {
  const encoding = encodingOf(req);
  if (encoding !== "identity" && !(mayBeCompressed && Object.hasOwn(decoders, encoding))) {
    const expected = mayBeCompressed ? "plain bytes, gzip or zstd" : "plain bytes, without Content-Encoding";
    throw new Failure(kitFailures.unsupported_media_type, { expected });
  }
  if (Number(req.headers["content-length"] ?? 0) > limitBytes)
    throw new Failure(kitFailures.body_too_large, { limitBytes });
}

/** True when the request says that a body follows. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return (length !== undefined && length !== "0") || req.headers["transfer-encoding"] !== undefined;
}

/**
 * The whole body, decompressed where it is gzip or zstd. Rejects as `checkBodyHead` does, with `kit.body_too_large` as soon as more than
 * `limitBytes` have come or come out, with `kit.invalid_request` for what cannot be decompressed, and with `kit.canceled` when the
 * client goes away. How long a body may take is the server's `requestTimeoutMs`.
 */
export async function readBody(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (!hasBody(req)) return empty;
  checkBodyHead(req, limitBytes, true);
  const decoder = decoders[encodingOf(req)]?.();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let readBytes = 0;
    const fail = (failure: Failure) => {
      req.removeAllListeners("data");
      if (decoder) req.unpipe(decoder);
      req.pause();
      decoder?.destroy();
      reject(failure);
    };
    const tooLarge = () => fail(new Failure(kitFailures.body_too_large, { limitBytes }));
    const body = decoder ?? req;
    body.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) tooLarge();
      else chunks.push(chunk);
    });
    body.once("end", () => {
      const [first] = chunks;
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks, sizeBytes));
    });
    // Also comes after a whole body, and making an error with its stack costs more than reading the body did.
    req.once("close", () => {
      if (!req.complete) fail(new Failure(kitFailures.canceled));
    });
    req.once("error", (cause) => fail(new Failure(kitFailures.canceled, {}, { cause })));
    if (!decoder) return;
    decoder.once("error", (cause) => fail(notDecoded(encodingOf(req), cause)));
    // What comes out may be little of much.
    req.on("data", (chunk: Buffer) => {
      readBytes += chunk.length;
      if (readBytes > limitBytes) tooLarge();
    });
    req.pipe(decoder);
  });
}

function encodingOf({ headers }: IncomingMessage): string {
  return headers["content-encoding"]?.toLowerCase() ?? "identity";
}

function notDecoded(encoding: string, cause: Error): Failure {
  const reason = `is not whole ${encoding}, as its Content-Encoding says`;
  const reason_zh_CN = `不是完整的 ${encoding} 数据，与 Content-Encoding 不符`;
  return new Failure(kitFailures.invalid_request, { field: "body", reason, reason_zh_CN }, { cause });
}
