import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { type Answer, createSimulatedAccount, type Fields, type SimulatedEvent } from "./simulated-account.ts";

export interface StripeSimulatorOptions {
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** What a simulated API does wrong with the next request. */
export type SimulatedFault =
  /** Answers 500 and has done nothing. */
  | "fail"
  /** Does what was asked and loses the answer. */
  | "lose_answer";

/**
 * Stripe's API as far as billing uses it, over HTTP on loopback: checkout sessions, payment intents, refunds, disputes,
 * idempotency keys, signed notifications. What a payer or a bank would do is done by `account`.
 */
export async function startStripeSimulator({ apiKey, webhookSecret, clock, random }: StripeSimulatorOptions) {
  const account = createSimulatedAccount(clock, random);
  const answers = new Map<string, { readonly request: string; readonly answer: Answer }>();
  const faults: SimulatedFault[] = [];
  const requests: string[] = [];

  function answer(method: string, url: URL, body: string, headers: IncomingMessage["headers"]): Answer {
    if (headers.authorization !== `Bearer ${apiKey}`) return errorOf(401, "invalid_request_error", "api_key_invalid");
    const fields: Fields = Object.fromEntries(new URLSearchParams(method === "GET" ? url.search : body));
    const key = headers["idempotency-key"];
    if (method !== "POST" || typeof key !== "string") return account.answer(method, url.pathname, fields);
    const request = createHash("sha256").update(`${url.pathname}\n${body}`).digest("hex");
    const known = answers.get(key);
    if (known && known.request !== request) return errorOf(400, "idempotency_error", "idempotency_error");
    const first = known?.answer ?? account.answer(method, url.pathname, fields);
    answers.set(key, { request, answer: first });
    return first;
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const url = new URL(req.url ?? "/", "http://simulator");
    requests.push(`${req.method} ${url.pathname}`);
    const fault = faults.shift();
    const { status, json } =
      fault === "fail"
        ? errorOf(500, "api_error", "api_error")
        : answer(req.method ?? "", url, Buffer.concat(chunks).toString("utf8"), req.headers);
    if (fault === "lose_answer") res.destroy();
    else
      res
        .writeHead(status, { "content-type": "application/json", "request-id": random.id("req") })
        .end(JSON.stringify(json));
  }

  const server = createServer((req, res) => void serve(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account,
    /** What was asked so far, such as `POST /v1/refunds`. */
    requests,
    /** Goes wrong with the next requests, one fault each. */
    break: (...next: readonly SimulatedFault[]) => void faults.push(...next),
    /** A notification as Stripe sends it, signed with `secret`. */
    sign: (event: SimulatedEvent, secret = webhookSecret) => signNotification(event, secret, clock.nowMs()),
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type StripeSimulator = Awaited<ReturnType<typeof startStripeSimulator>>;

/** A body and its `Stripe-Signature`, made at `nowMs`. */
export function signNotification(event: unknown, secret: string, nowMs: number) {
  const body = Buffer.from(JSON.stringify(event));
  const seconds = Math.floor(nowMs / 1_000);
  const digest = createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex");
  return { body, signature: `t=${seconds},v1=${digest}` };
}

function errorOf(status: number, type: string, code: string): Answer {
  return { status, json: { error: { type, code, message: code } } };
}
