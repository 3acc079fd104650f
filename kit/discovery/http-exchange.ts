import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Clock } from "../service/clock.ts";

export interface ExchangeOptions {
  readonly url: URL;
  readonly method?: "GET" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** PEM of the authorities that may vouch for an https server, instead of the well-known ones. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
  /** For the whole exchange, the body included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** An answer whose body is still to be read. */
export interface Exchange {
  readonly status: number;
  header(name: string): string | undefined;
  /** Rejects when there is more than `maxBytes` of it. */
  text(maxBytes: number): Promise<string>;
  /** Line by line as they come. Rejects when one is longer than `maxLineBytes`. */
  lines(maxLineBytes: number): AsyncGenerator<string>;
}

/** One request on a connection of its own. Rejects when nobody answers in time; any status is an answer. */
export function exchange(options: ExchangeOptions): Promise<Exchange> {
  const { url, clock, signal } = options;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  if (body !== undefined) headers["content-type"] = "application/json";
  const shared = { method: options.method ?? "GET", headers, signal, agent: false as const };
  return new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === "https:"
        ? requestHttps(url, { ...shared, ...(options.ca === undefined ? {} : { ca: options.ca }) })
        : requestHttp(url, shared);
    const cancelTimer = clock.setTimer(options.timeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
    );
    outgoing.once("close", cancelTimer);
    outgoing.once("response", (answer) => resolve(toExchange(answer)));
    // Stays for errors after the answer has begun, which the reader of the body is told by its own stream.
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function toExchange(answer: IncomingMessage): Exchange {
  answer.setEncoding("utf8");
  // An answer that nobody reads any more may still break.
  answer.on("error", () => {});
  return {
    status: answer.statusCode ?? 0,
    header: (name) => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    async text(maxBytes) {
      let text = "";
      for await (const chunk of answer) {
        text += chunk;
        if (text.length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
      }
      return text;
    },
    async *lines(maxLineBytes) {
      let rest = "";
      for await (const chunk of answer) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        if (rest.length > maxLineBytes) throw new Error(`a line is longer than ${maxLineBytes} bytes`);
        yield* lines.filter((line) => line !== "");
      }
      if (rest !== "") yield rest;
    },
  };
}

/** The body of an answer of status 200 as what `schema` says it is. Rejects for another status or shape. */
export async function readJson<T>(
  answer: Exchange,
  schema: { parse(value: unknown): T },
  maxBytes: number,
): Promise<T> {
  const text = await answer.text(maxBytes);
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${text.slice(0, 200)}`);
  return schema.parse(JSON.parse(text));
}
