import type { IncomingMessage } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import WebSocket from "ws";
import { refuseField } from "../call/refuse-field.ts";
import { maxErrorBytes, toCallFailure, toStatusFailure } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";
import { wires } from "../providers/wires.ts";

const guard = createAddressGuard();

/** A session at a provider. */
export interface UpstreamSession {
  /** Nothing of it is read yet: it is paused. */
  readonly socket: WebSocket;
  /** Gives back its place among what is under way there. To be called when it is over; may be repeated. */
  leave(): void;
}

/**
 * Opens a session at a provider, as its policy says, whose limit of time is that of the handshake here, and whose place is kept until `leave`. Throws a
 * gateway failure for every other answer, and what the policy throws.
 */
export async function connectUpstream(
  deps: AiGatewayDeps,
  target: Target,
  { beta, signal }: { readonly beta: string | undefined; readonly signal: AbortSignal },
): Promise<UpstreamSession> {
  const secret = await deps.credentials.secretOf(target.provider);
  // Of the handshake alone: what comes later ends nothing.
  const connecting = new AbortController();
  const stop = () => connecting.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const policy = deps.policies.policyOf(target.provider);
    const { answer: socket, end: leave } = await policy.open(
      () => open(deps, target, secret, { beta, signal: connecting.signal }),
      connecting,
    );
    return { socket, leave };
  } finally {
    signal.removeEventListener("abort", stop);
  }
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
      reject(status === 404 || status === 405 ? notHeld() : toStatusFailure(deps, target, head, body));
      socket.terminate();
    });
  });
  return promise;
}

/** A provider of the dialect need not have sessions, and of those that it has, not with every model. */
function notHeld(): Failure {
  return refuseField(
    "model",
    "has no realtime sessions at its provider; GET /v1/models lists others",
    "在其供应商处不支持实时会话；其他模型见 GET /v1/models",
  );
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
