import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, type RequestStart, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { maxErrorBytes, readBody, toCallFailure, toStatusFailure } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type Provider, pathAt, type Target } from "../model.ts";
import { wires } from "../providers/wires.ts";

type Deps = Pick<AiGatewayDeps, "catalog" | "clock" | "credentials" | "guardrails" | "log" | "policies" | "pools">;

/** Headers of the caller that reach the provider, and of the provider that reach the caller; nothing else of either does. */
const askedHeaders = ["accept", "content-type", "idempotency-key", "range"];
const askedHeaderPattern = /^(openai|anthropic)-(beta|version)$/;
const answeredHeaders = ["content-type", "content-disposition", "content-range", "accept-ranges", "retry-after"];
/** What a provider says of our key, of its own state or of another place is not the caller's. */
const isShown = (status: number) =>
  status < 300 || (status >= 400 && status < 500 && ![401, 402, 403, 407].includes(status));
const placeMark = "/proxy/";

/**
 * Passes a request on to any path of a provider of the tenant's own, and its answer back as it comes: for what there is no surface of
 * here, such as fine-tuning. Nothing is read, so nothing is paid to Lyss, limited by model or looked at by guardrails: a shared
 * provider is refused (`pass_through_shared`), and so are keys for certain models (`pass_through_restricted`) and calls that
 * guardrails are for (`call_unguarded`). Throws the failures of a model call where the provider answers with 401, 402, 403, a
 * redirection or 5xx.
 */
export async function passThrough(deps: Deps, exchange: Exchange): Promise<void> {
  const { req, res, body, requestId } = exchange;
  const caller = requireCaller(exchange);
  const { name, endpoint } = readPlace(req.url ?? "");
  const provider = findOwnProvider(deps, caller, name);
  const abort = new AbortController();
  const onClose = () => abort.abort();
  res.once("close", onClose);
  try {
    const method = req.method as RequestStart["method"];
    const asked = { method, endpoint, body, headers: pickHeaders(req.headers) };
    const secret = await deps.credentials.secretOf(provider);
    const open = await deps.policies
      .policyOf(provider)
      .open(() => send(deps, provider, { ...asked, secret }, abort.signal), abort);
    try {
      res.writeHead(open.answer.head.status, { ...toAnsweredHeaders(open.answer), "x-request-id": requestId });
      await pipeline(Readable.from(open.answer.body), res);
    } catch (err) {
      // Bytes have no place for an error: without their end they are no whole answer.
      if (!abort.signal.aborted) deps.log.warn({ err, provider: name }, "an answer that is passed through broke off");
      res.destroy();
    } finally {
      open.end();
    }
  } finally {
    res.removeListener("close", onClose);
  }
}

/** `/v1/proxy/<provider>/<path>?<query>`, as it was written: what is decoded may not be the same path again. */
function readPlace(url: string): { readonly name: string; readonly endpoint: string } {
  const [path = "", query = ""] = url.slice(url.indexOf(placeMark) + placeMark.length).split("?", 2);
  const slash = path.indexOf("/");
  const name = slash < 0 ? path : path.slice(0, slash);
  const params = new URLSearchParams(query);
  // A caller's own key may stand there.
  params.delete("key");
  return { name, endpoint: (slash < 0 ? "" : path.slice(slash)) + (params.size > 0 ? `?${params}` : "") };
}

function findOwnProvider({ catalog, guardrails }: Deps, caller: Caller, name: string): Provider {
  const provider = catalog.findProvider(caller.tenantId, name);
  if (!provider) throw new Failure(aiGatewayFailures.provider_not_found, { name });
  if (provider.source !== "tenant") throw new Failure(aiGatewayFailures.pass_through_shared, { name });
  if (caller.models.length > 0) throw new Failure(aiGatewayFailures.pass_through_restricted);
  if (guardrails.isWanted(caller)) throw new Failure(aiGatewayFailures.call_unguarded, { model: name });
  return provider;
}

function pickHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const picked = Object.entries(headers).filter(
    (header): header is [string, string] =>
      typeof header[1] === "string" && (askedHeaders.includes(header[0]) || askedHeaderPattern.test(header[0])),
  );
  return Object.fromEntries(picked);
}

interface Asked {
  readonly method: RequestStart["method"];
  readonly endpoint: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly secret: string;
}

async function send(deps: Deps, provider: Provider, asked: Asked, signal: AbortSignal): Promise<Answer> {
  const { method, endpoint, headers, secret } = asked;
  const body = asked.body.length > 0 ? asked.body : undefined;
  const pool = deps.pools.poolOf(provider);
  const wire = wires[provider.dialect];
  const sent = { method, path: pathAt(provider, endpoint), authority: pool.authority };
  const start = toRequestStart({
    ...sent,
    headers: {
      ...{ accept: "*/*", ...headers, "user-agent": "lyss", ...wire.toHeaders(secret) },
      ...(body && method === "POST" && wire.sign?.(secret, { ...sent, method, body, nowMs: deps.clock.nowMs() })),
    },
  });
  // Failures name a model; of these calls the provider is all that is known.
  const target: Target = { provider, model: { name: provider.name } as Target["model"] };
  try {
    const answer = await requestAnswer(pool, composeRequest(start, body), signal);
    if (isShown(answer.head.status) && answer.head.find("content-encoding") === undefined) return answer;
    const said = await readBody(answer, maxErrorBytes).catch(() => undefined);
    throw toStatusFailure(deps, target, answer.head, said);
  } catch (err) {
    throw toCallFailure(deps, target, err, signal.aborted ? signal.reason : undefined);
  }
}

function toAnsweredHeaders({ head }: Answer): Record<string, string> {
  const found = answeredHeaders.flatMap((name) => {
    const value = head.find(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(found), "cache-control": "no-store", "x-content-type-options": "nosniff" };
}
