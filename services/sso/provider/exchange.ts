import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";

/** A request to the provider, as far as it may see it. */
export interface ProviderRequest {
  readonly method: "GET" | "POST";
  /** Below the provider's own root, with its query. */
  readonly target: string;
  /** Fields of a form; undefined without one. */
  readonly form: Readonly<Record<string, string>> | undefined;
  /** `cookie` and `authorization`, as far as they were sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a browser asks: it is answered with pages. */
  readonly isBrowser: boolean;
}

/** Headers of an answer that belong to its connection. */
const dropped = new Set(["content-length", "connection", "date", "transfer-encoding", "keep-alive"]);

/**
 * Lets a handler of node:http answer a request that came another way: with what the route has let through, and nothing else
 * of the connection.
 */
export function openExchange(publicUrl: string, mount: string, request: ProviderRequest) {
  const { host, protocol } = new URL(publicUrl);
  const body = request.form === undefined ? undefined : Buffer.from(new URLSearchParams(request.form).toString());
  const req = Object.assign(new IncomingMessage(new Socket()), {
    method: request.method,
    url: request.target,
    originalUrl: mount + request.target,
    headers: {
      ...request.headers,
      ...{
        host,
        "x-forwarded-proto": protocol.slice(0, -1),
        accept: request.isBrowser ? "text/html" : "application/json",
      },
      ...(body && { "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) }),
    },
  });
  if (body) req.push(body);
  req.push(null);
  const res = new ServerResponse(req);
  const answer = new Promise<WholeAnswer>((resolve) => {
    res.end = (chunk?: unknown) => {
      const headers: Record<string, string | readonly string[]> = {};
      for (const [name, value] of Object.entries(res.getHeaders())) {
        if (value === undefined || dropped.has(name)) continue;
        headers[name] = Array.isArray(value) ? value : String(value);
      }
      const text = typeof chunk === "string" ? chunk : Buffer.isBuffer(chunk) ? chunk.toString() : "";
      resolve(new WholeAnswer(res.statusCode, headers, text));
      return res;
    };
  });
  return { req, res, answer };
}
