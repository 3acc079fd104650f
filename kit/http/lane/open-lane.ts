import type { Socket } from "node:net";
import type { TestContext } from "node:test";
import { waitUntil } from "../../testing/wait-until.ts";
import type { HttpServerOptions } from "../http-server.ts";
import type { LaneOptions } from "./lane.ts";
import { createLaneServer, loopback, openRawClient } from "./lane-test-server.ts";
import type { LaneReply } from "./reply.ts";
import type { LaneRequest } from "./request.ts";

/** A lane server and a client of it; `sockets` are the server's ends. */
export async function open(
  t: TestContext,
  options: Partial<LaneOptions> = {},
  limits: Partial<HttpServerOptions> = {},
) {
  const lane = createLaneServer(options, limits);
  const sockets: Socket[] = [];
  lane.server.on("connection", (socket: Socket) => void sockets.push(socket));
  const port = await lane.listen(loopback);
  t.after(() => lane.close(AbortSignal.abort()));
  const connect = () => openRawClient(port);
  /** Resolves when the server has read this many bytes of its n-th connection. */
  const untilRead = (bytes: number, n = 0) =>
    waitUntil(async () => (sockets[n]?.bytesRead ?? 0) >= bytes || sockets[n]?.destroyed === true);
  return { lane, port, sockets, connect, untilRead };
}

/** Keeps what the lane is asked, for the test to answer. */
export function keepCalls() {
  const calls: { readonly request: LaneRequest; readonly reply: LaneReply }[] = [];
  return {
    calls,
    onRequest: (request: LaneRequest, reply: LaneReply) => void calls.push({ request, reply }),
    called: (count: number) => waitUntil(async () => calls.length >= count),
  };
}

export const bytesOf = (text: string) => Buffer.from(text);
export const hot = (body: string, headers = "") =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: lyss\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
