import type { IncomingMessage } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import WebSocket from "ws";
import { maxErrorBytes, toCallFailure, toStatusFailure } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";
import { wires } from "../providers/wires.ts";

const guard = createAddressGuard();

/**
 * Opens a session at a provider, as its policy says. Resolves with a connection of which nothing is read yet: it is paused. Throws a
 * gateway failure for every other answer, and what the policy throws.
 */
export async function connectUpstream(
  deps: AiGatewayDeps,
  target: Target,
  { beta, signal }: { readonly beta: string | undefined; readonly signal: AbortSignal },
): Promise<WebSocket> {
  const secret = await deps.credentials.secretOf(target.provider);
  return deps.policies
    .policyOf(target.provider)
    .run((within) => open(deps, target, secret, { beta, signal: within }), { signal });
}

function open(
  deps: AiGatewayDeps,
  target: Target,
  secret: string,
  { beta, signal }: { readonly beta: string | undefined; readonly signal: AbortSignal },
): Promise<WebSocket> {
  const { provider, model } = target;
  const { connectTimeoutMs, realtime } = deps.settings;
  const url = new URL(`${provider.baseUrl}/realtime`);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("model", model.upstreamName);
  const isGuarded = provider.source === "tenant";
  if (isGuarded && guard.refuse(new URL(provider.baseUrl))) {
    return Promise.reject(new Failure(aiGatewayFailures.upstream_failed, { model: model.name }));
  }
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const socket = new WebSocket(url, {
    headers: {
      "user-agent": "lyss",
      ...wires[provider.dialect].toHeaders(secret),
      ...(beta !== undefined && { "openai-beta": beta }),
    },
    handshakeTimeout: connectTimeoutMs,
    maxPayload: realtime.maxMessageBytes,
    perMessageDeflate: false,
    followRedirects: false,
    ...(isGuarded && { lookup: guard.lookup }),
  });
  const fail = (err: unknown) => {
    socket.terminate();
    reject(toCallFailure(deps, target, err, signal.aborted ? signal.reason : undefined));
  };
  const abort = () => fail(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  // Whatever goes wrong later, the socket closes next, and that is listened to.
  socket.on("error", () => undefined).once("error", fail);
  socket.once("open", () => {
    signal.removeEventListener("abort", abort);
    socket.off("error", fail);
    socket.pause();
    resolve(socket);
  });
  socket.once("unexpected-response", (_req, answer) => {
    socket.off("error", fail);
    readRefusal(answer).then((body) => {
      const { statusCode: status = 502, headers } = answer;
      // A 200 is no session either.
      const head = { status: status < 400 ? 502 : status, find: (name: string) => headers[name]?.toString() };
      reject(toStatusFailure(deps, target, head, body));
      socket.terminate();
    });
  });
  return promise;
}

/** What it says, as far as it is short; never rejects. */
async function readRefusal(answer: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxErrorBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}
