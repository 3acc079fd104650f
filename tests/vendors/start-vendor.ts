import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** A request that a vendor was sent. */
export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
}

/** A vendor's API on a real socket, as far as a test needs it. */
export interface Vendor {
  readonly url: string;
  /** What it was sent, in order. */
  readonly asked: readonly Asked[];
}

/** Listens until the end of the test; `answer` must end each response. */
export async function startVendor(
  t: TestScope,
  answer: (asked: Asked, res: ServerResponse) => unknown,
): Promise<Vendor> {
  const asked: Asked[] = [];
  const server = createServer(async (req, res) => {
    const bytes = Buffer.concat(await Array.fromAsync(req));
    const one = { path: `${req.method} ${req.url}`, headers: req.headers, bytes };
    asked.push(one);
    answer(one, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
