import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** Before a call reaches its service, or when that has done its work and its answer has not arrived. */
export type CallPhase = "before" | "after";

const { HTTP2_HEADER_PATH, HTTP2_HEADER_AUTHORITY } = constants;

/**
 * Stands before a service's port for peers and passes gRPC on, call by call. `onCall` hears of each, by its path, and is waited for:
 * whoever ends a process meanwhile has ended it at that moment. True says that the answer went with it. A service that is away looks as
 * it does without a relay: the connection breaks. Gives the relay's URL; it ends with the scope.
 */
export async function startCallRelay(
  t: TestScope,
  targetUrl: string,
  onCall: (path: string, phase: CallPhase) => Promise<boolean>,
): Promise<string> {
  const inboundSessions = new Set<ServerHttp2Session>();
  let outbound: ClientHttp2Session | undefined;
  const reach = () => {
    if (outbound && !outbound.closed && !outbound.destroyed) return outbound;
    outbound = connect(targetUrl);
    outbound.on("error", () => {});
    return outbound;
  };
  const server = createServer();
  server.on("session", (session) => {
    inboundSessions.add(session);
    session.on("error", () => {});
    session.once("close", () => inboundSessions.delete(session));
  });
  server.on("stream", (stream, headers) => void relay(stream as ServerHttp2Stream, headers));

  async function relay(inbound: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const breakOff = () => inbound.session?.destroy();
    inbound.on("error", () => {});
    const path = String(headers[HTTP2_HEADER_PATH]);
    if (await onCall(path, "before")) return void breakOff();
    if (inbound.destroyed) return;
    const { [HTTP2_HEADER_AUTHORITY]: _, ...passed } = headers;
    const call = reach().request(passed);
    call.on("error", breakOff);
    inbound.once("close", () => call.close(constants.NGHTTP2_CANCEL));
    let trailers: IncomingHttpHeaders | undefined;
    call.on("trailers", (received) => {
      trailers = received;
    });
    call.on("response", ({ ":status": status, ...received }, flags) => {
      if (inbound.destroyed) return;
      // A failure without a message: all that it says stands in its head.
      if (flags & constants.NGHTTP2_FLAG_END_STREAM) {
        return void inbound.respond({ ":status": status, ...received }, { endStream: true });
      }
      inbound.respond({ ":status": status, ...received }, { waitForTrailers: true });
      inbound.once("wantTrailers", () => {
        void onCall(path, "after").then((isLost) => {
          if (inbound.destroyed) return;
          if (trailers && !isLost) inbound.sendTrailers(trailers);
          else breakOff();
        });
      });
      call.pipe(inbound);
    });
    inbound.pipe(call);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const session of inboundSessions) session.destroy();
    outbound?.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
