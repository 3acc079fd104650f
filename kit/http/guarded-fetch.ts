import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Clock } from "../service/clock.ts";
import type { AddressGuard } from "./address-guard.ts";

export interface GuardedFetchOptions {
  /** Checks the URL, and each address at the moment of connecting. Undefined where any address may be called. */
  readonly guard: AddressGuard | undefined;
  readonly clock: Clock;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
}

/** What a request is made of. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
}

/** Why an address was not called, or no usable answer came. `reason` is fit to be shown to whoever named the address. */
export class FetchError extends Error {
  readonly reason: "refused" | "unreachable" | "timeout" | "too_large";

  constructor(reason: FetchError["reason"], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "FetchError";
    this.reason = reason;
  }
}

/** One request to an address that somebody else has named. */
export type GuardedFetch = (url: URL, init: GuardedRequest) => Promise<Response>;

const bodiless = new Set([204, 205, 304]);

/**
 * A `fetch` that follows no redirect, keeps no connection, and gives up at its limits of time and size. What the guard
 * refuses is never connected to, also when a name resolves to it later. Rejects with a FetchError.
 */
export function createGuardedFetch({ guard, clock, timeoutMs, maxBytes }: GuardedFetchOptions): GuardedFetch {
  return (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const refusal = guard?.refuse(url);
      if (refusal) return reject(new FetchError("refused", refusal.en_US));
      if (url.protocol !== "https:" && url.protocol !== "http:") {
        return reject(new FetchError("refused", "only http and https are allowed"));
      }
      const request = url.protocol === "https:" ? requestHttps : requestHttp;
      const lookup = guard && { lookup: guard.lookup };
      const sent = { ...headers, "accept-encoding": "identity", connection: "close" };
      const outgoing = request(url, { method, headers: sent, agent: false, ...lookup });
      const fail = (error: FetchError) => {
        outgoing.destroy();
        reject(error);
      };
      const cancel = clock.setTimer(timeoutMs, () => fail(new FetchError("timeout", `no answer in ${timeoutMs} ms`)));
      outgoing.once("close", cancel);
      outgoing.once("error", (cause) => fail(new FetchError("unreachable", cause.message, { cause })));
      outgoing.once("response", (answer) => {
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        answer.on("data", (chunk: Buffer) => {
          sizeBytes += chunk.length;
          if (sizeBytes > maxBytes) fail(new FetchError("too_large", `the answer exceeds ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.once("error", (cause) => fail(new FetchError("unreachable", cause.message, { cause })));
        answer.once("end", () => {
          const status = answer.statusCode ?? 502;
          const given = Object.entries(answer.headers).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, String(value)] as [string, string]],
          );
          resolve(new Response(bodiless.has(status) ? null : Buffer.concat(chunks), { status, headers: given }));
        });
      });
      outgoing.end(body);
    });
}
