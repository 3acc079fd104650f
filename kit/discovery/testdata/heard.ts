import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Discovery } from "../endpoint.ts";

/** What a watch hears, in order, to be waited for one by one: sorted URLs with their zones, or a failure. */
export interface Heard extends Disposable {
  next(): Promise<string>;
}

export function hear(discovery: Discovery, service: string): Heard {
  const said: string[] = [];
  let wake = () => {};
  const say = (text: string) => {
    said.push(text);
    wake();
  };
  const stop = discovery.watch(service, {
    onEndpoints: (endpoints) =>
      say(
        endpoints.map(({ url, zone }) => url.replace("http://", "") + (zone === undefined ? "" : `@${zone}`)).join(" "),
      ),
    onFailure: (err) => say(`failed: ${err instanceof Error ? err.message : String(err)}`),
  });
  return {
    async next() {
      while (said.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return said.shift() ?? "";
    },
    [Symbol.dispose]: stop,
  };
}

/** One request that a server in a test has got and not yet answered. */
export interface Asked {
  readonly url: URL;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export interface TestServer extends Disposable {
  readonly url: string;
  readonly port: number;
  next(): Promise<Asked>;
}

/** A server whose answers the test gives one by one. */
export async function startServer(): Promise<TestServer> {
  const waiting: Asked[] = [];
  let wake = () => {};
  const server = createServer((req, res) => {
    waiting.push({ url: new URL(req.url ?? "/", "http://server"), req, res });
    wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async next() {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const [first] = waiting.splice(0, 1);
      if (!first) throw new Error("unreachable");
      return first;
    },
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
