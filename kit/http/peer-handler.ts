import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { fromContextHeaders, isTraceparent } from "../rpc/context-headers.ts";
import { clientAddressHeader, clientAuthorizationHeader } from "./forward.ts";
import { createHandler, type HandlerParts, type HttpHandler } from "./http-handler.ts";
import { headerOf } from "./request-head.ts";

export interface PeerHttpHandlerOptions
  extends Omit<HandlerParts, "identify" | "readHeader" | "intake" | "checkRequest" | "forward"> {
  /** What every peer must show as `Authorization: Bearer`. */
  readonly peerToken: Secret;
}

/**
 * A handler for requests that peers forward. Whoever shows the token is believed about the caller, the language, the
 * request id and the deadline; the permission is checked here again, by the same code. Without the token every answer is 401.
 */
export function createPeerHttpHandler(options: PeerHttpHandlerOptions): Pick<HttpHandler, "onRequest" | "close"> {
  const { clock, random, peerToken, tracer } = options;
  // Digests have one length whatever was sent, so the comparison tells nothing about the token.
  const expected = digest(`Bearer ${peerToken.reveal()}`);
  return createHandler(
    {
      ...options,
      mounted: options.mounted.filter(({ peerUrl }) => peerUrl === undefined),
      identify: (_req, call) => call.context.caller,
      readHeader: (req, name) => headerOf(req, name === "authorization" ? clientAuthorizationHeader : name),
      checkRequest(req) {
        const shown = digest(req.headers.authorization ?? "");
        if (!timingSafeEqual(shown, expected)) throw new Failure(kitFailures.unauthenticated);
      },
    },
    (req) => {
      const context = fromContextHeaders((name) => headerOf(req, name), clock);
      const requestId = context.requestId ?? random.id("req");
      const isOrphan = tracer && !isTraceparent(headerOf(req, "traceparent"));
      const span = tracer?.open("http", context, { kind: "server", isOrphan });
      return {
        requestId,
        clientAddress: headerOf(req, clientAddressHeader) ?? "",
        startedMs: clock.monotonicMs(),
        context: { ...(span?.context ?? context), requestId },
        span,
      };
    },
  );
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
