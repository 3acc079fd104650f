import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A response that nobody reads: what is written to it goes nowhere, at once. Its `destroy` tells `close`, as a caller's leaving does. */
export function createSink(): ServerResponse {
  const nowhere = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  // Of a socket, a response needs no more than a stream.
  const socket = nowhere as unknown as Socket;
  const res = new ServerResponse(new IncomingMessage(socket));
  res.assignSocket(socket);
  return res;
}
