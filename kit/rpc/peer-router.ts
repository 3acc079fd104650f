import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Secret } from "../config/secret.ts";
import type { Clock } from "../service/clock.ts";
import { trustedHeaders } from "./context-headers.ts";
import { maxMessageBytes } from "./peer-limits.ts";
import { createPeerTokenCheck } from "./peer-token.ts";
import { unprocessedHeader } from "./unsent.ts";

type Http2Handler = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

/** Finds the service that a gRPC request over HTTP/2 is for. */
export interface PeerRouter {
  readonly handle: Http2Handler;
  /**
   * From now on calls of the contract reach the implementation, which is already intercepted. Throws a TypeError when
   * the contract has one already.
   */
  mount<Contract extends DescService>(contract: Contract, implementation: Partial<ServiceImpl<Contract>>): void;
  listMounted(): readonly DescService[];
}

/**
 * A router that answers `unauthenticated` without the peers' token or an operator's, and for a service that is not mounted `unavailable`
 * while `isComplete` is false (it may yet be) and `unimplemented` afterwards.
 */
export function createPeerRouter(token: Secret, isComplete: () => boolean, clock: Clock): PeerRouter {
  const holderOf = createPeerTokenCheck(token, clock);
  const handlers = new Map<string, Http2Handler>();
  const mounted: DescService[] = [];

  const refuseUnknown: Http2Handler = (req) => {
    if (isComplete()) refuse(req, Code.Unimplemented, `nothing is served at ${req.url}`);
    else refuse(req, Code.Unavailable, "this process is still starting");
  };

  return {
    handle(req, res) {
      const holder = holderOf(req.headers.authorization);
      if (!holder) return refuse(req, Code.Unauthenticated, "the peers' token is missing or wrong");
      if (holder === "operator") for (const name of trustedHeaders) delete req.headers[name];
      // Services see the request's headers; the token is not for them.
      delete req.headers.authorization;
      const [, service = ""] = req.url.split("/", 2);
      try {
        (handlers.get(service) ?? refuseUnknown)(req, res);
      } catch {
        refuse(req, Code.Internal, "the request has no usable path or authority");
      }
    },
    mount(contract, implementation) {
      if (handlers.has(contract.typeName)) throw new TypeError(`${contract.typeName} is served twice`);
      const handler = connectNodeAdapter({
        routes: (router) => router.service(contract, implementation),
        fallback: (req) => refuseUnknown(req as Http2ServerRequest, undefined as never),
        grpcWeb: false,
        connect: false,
        acceptCompression: [],
        readMaxBytes: maxMessageBytes,
        writeMaxBytes: maxMessageBytes,
      });
      handlers.set(contract.typeName, handler);
      mounted.push(contract);
    },
    listMounted: () => mounted,
  };
}

/** A whole gRPC answer in one header block ("Trailers-Only" in the protocol). What was still being sent is discarded. */
function refuse(req: Http2ServerRequest, code: Code, message: string): void {
  const { stream } = req;
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": String(code),
      "grpc-message": encodeURIComponent(message),
      [unprocessedHeader]: "1",
    },
    { endStream: true },
  );
  // Not reset at once: some clients take a reset for the answer even when it comes after the answer.
  let discardedBytes = 0;
  stream.on("data", (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > maxMessageBytes) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
}
