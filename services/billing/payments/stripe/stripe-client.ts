import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { createPolicy } from "@lyss/kit/resilience/policy.ts";
import { policySchema } from "@lyss/kit/resilience/policy-config.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { Dispatcher, Pool } from "undici";

/** Fields of a request, nested with brackets as Stripe's API wants them: `metadata[order_id]`. */
export type StripeFields = Readonly<Record<string, string>>;

export interface StripeClient {
  /** The answer's JSON; undefined where there is nothing of that name. */
  get(path: string, query?: StripeFields): Promise<unknown>;
  /** The same key and fields happen once, within the 24 h in which Stripe knows the key. */
  post(path: string, idempotencyKey: string, fields: StripeFields): Promise<unknown>;
  close(): Promise<void>;
}

export interface StripeClientOptions {
  /** https://api.stripe.com, or a simulator of it. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Answers have this shape whatever the account's own default is (docs.stripe.com/api/versioning). */
export const stripeApiVersion = "2024-06-20";
const maxAnswerBytes = 1_048_576;
const connections = 8;
const headersTimeoutMs = 10_000;

const policy = policySchema.parse({
  timeoutMs: 25_000,
  attemptTimeoutMs: 8_000,
  retry: { maxRetries: 2 },
  bulkhead: { maxConcurrent: 8, maxQueue: 64, maxQueueMs: 5_000 },
  breaker: {},
});

/**
 * Stripe's HTTP API: form-encoded requests, one API version, an idempotency key with each change. Rejects with
 * `payment_provider_failed` when it is not known what happened, and `payment_refused` when Stripe says no.
 */
export function createStripeClient({ baseUrl, apiKey, clock, random, log }: StripeClientOptions): StripeClient {
  let opening: Promise<Pool> | undefined;
  // With the first payment: most programs see none, and loading it is a twentieth of a start.
  const openPool = async () => {
    const { Pool } = await import("undici");
    const timeouts = { headersTimeout: headersTimeoutMs, bodyTimeout: headersTimeoutMs };
    return new Pool(new URL(baseUrl).origin, { connections, ...timeouts });
  };
  const calls = createPolicy("payments.stripe", policy, { clock, random });

  async function send(options: Pick<Dispatcher.RequestOptions, "method" | "path" | "body">, key?: string) {
    const headers = {
      authorization: `Bearer ${apiKey.reveal()}`,
      "stripe-version": stripeApiVersion,
      ...(key !== undefined && { "idempotency-key": key }),
      ...(options.body !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
    };
    try {
      return await calls.run((signal) => sendOnce({ ...options, headers, signal }), { isIdempotent: true });
    } catch (err) {
      if (isFailure(err, billingFailures.payment_refused)) throw err;
      // Without the request: its fields are the payer's.
      log.warn({ err, path: options.path.split("?")[0] }, "Stripe could not be reached, or failed");
      throw new Failure(billingFailures.payment_provider_failed, {}, { cause: err });
    }
  }

  async function sendOnce(options: Dispatcher.RequestOptions): Promise<unknown> {
    opening ??= openPool();
    const answer = await (await opening).request(options);
    const json = parse(await readBody(answer));
    if (answer.statusCode === 200) return json;
    const { error } = json as { readonly error?: { readonly type?: string; readonly code?: string } };
    const reason = String(error?.code ?? error?.type ?? answer.statusCode).slice(0, 100);
    if (answer.statusCode === 404 && options.method === "GET") return undefined;
    if (answer.statusCode >= 500 || answer.statusCode === 429 || answer.statusCode === 409) {
      throw new Failure(billingFailures.payment_provider_failed);
    }
    log.error({ status: answer.statusCode, reason, request: answer.headers["request-id"] }, "Stripe refused a request");
    throw new Failure(billingFailures.payment_refused, { reason });
  }

  return {
    get(path, query) {
      const suffix = query ? `?${new URLSearchParams(query)}` : "";
      return send({ method: "GET", path: path + suffix });
    },
    post: (path, idempotencyKey, fields) =>
      send({ method: "POST", path, body: new URLSearchParams(fields).toString() }, idempotencyKey),
    close: async () => (await opening)?.destroy(),
  };
}

async function readBody({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxAnswerBytes) {
      body.on("error", () => undefined).destroy();
      throw new RangeError(`an answer exceeds ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // A page of something in between: its status says enough, and a 200 that is no JSON fits no schema.
    return {};
  }
}
