import type { IncomingMessage } from "node:http";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

const empty = Buffer.alloc(0);

/**
 * Throws before anything is read: `kit.unsupported_media_type` for a compressed body (a small one can hold gigabytes),
 * `kit.body_too_large` for a declared length above `limitBytes`.
 */
export function checkBodyHead(req: IncomingMessage, limitBytes: number): void {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new Failure(kitFailures.unsupported_media_type, { expected: "plain bytes, without Content-Encoding" });
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
 * The whole body. Rejects as `checkBodyHead` does, with `kit.body_too_large` as soon as more than `limitBytes` have
 * come, and with `kit.canceled` when the client goes away. How long a body may take is the server's `requestTimeoutMs`.
 */
export async function readBody(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (!hasBody(req)) return empty;
  checkBodyHead(req, limitBytes);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    req.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) {
        req.removeAllListeners("data").pause();
        reject(new Failure(kitFailures.body_too_large, { limitBytes }));
      } else {
        chunks.push(chunk);
      }
    });
    req.once("end", () => {
      const [first] = chunks;
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks, sizeBytes));
    });
    // Also comes after a whole body, and making an error with its stack costs more than reading the body did.
    req.once("close", () => {
      if (!req.complete) reject(new Failure(kitFailures.canceled));
    });
    req.once("error", (cause) => reject(new Failure(kitFailures.canceled, {}, { cause })));
  });
}
