import { connect } from "node:net";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type Caller, noSession } from "../rpc/call-context.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { createForwarder } from "./forward.ts";
import { createHttpHandler, type HttpHandlerOptions } from "./http-handler.ts";
import { createHttpServer, type HttpServerOptions } from "./http-server.ts";
import { createLane } from "./lane/lane.ts";
import { createPeerHttpHandler } from "./peer-handler.ts";

export const testCaller: Caller = {
  tenantId: "ten_1",
  userId: "usr_1",
  keyId: "key_1",
  ...noSession,
  permissions: ["*"],
  models: [],
};

const callersByToken: Readonly<Record<string, Caller>> = {
  all: testCaller,
  reader: { ...testCaller, permissions: ["things:read"] },
};

/** Headers of a caller who may do everything. */
export const signedIn = { authorization: "Bearer all" };

/** Knows the tokens `all` and `reader`; cannot be reached for the token `outage`. */
export function testGuard(req: { headers: { authorization?: string | undefined } }): Caller | undefined {
  const token = req.headers.authorization?.replace(/^Bearer /, "");
  if (token === undefined) return undefined;
  if (token === "outage") throw new Failure(kitFailures.unavailable, { service: "auth" });
  const caller = callersByToken[token];
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  return caller;
}

/** Everything a handler needs, its log kept in `logged`. */
export function testParts() {
  const logged: Record<string, unknown>[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line));
  const log = pino({ level: "debug" }, { write });
  const random = createRandom(systemClock);
  const docBaseUrl = "https://docs.test/errors";
  return { logged, log, metrics: new Registry(), clock: systemClock, random, docBaseUrl };
}

/** Serves routes on a free port of loopback until `close`. */
export async function startTestServer(
  options: Partial<HttpHandlerOptions> & Pick<HttpHandlerOptions, "mounted">,
  limits: Partial<HttpServerOptions> = {},
) {
  const parts = testParts();
  const handler = createHttpHandler({ ...parts, guard: testGuard, title: "test", version: "1", ...options });
  const ordinary = createHttpServer({ onRequest: handler.onRequest, clock: systemClock, ...limits });
  // As every listener of ours has it: a lane where there is something for it.
  const { hot } = handler;
  const listener = hot.targets.length === 0 ? ordinary : createLane({ ...hot, server: ordinary, clock: systemClock });
  const port = await listener.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${port}`;
  return {
    ...parts,
    handler,
    listener,
    port,
    url,
    /** Posts JSON, or a text as it is. */
    sendJson: (path: string, body: unknown, headers: Readonly<Record<string, string>> = signedIn) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    /** Sends a request with a bearer token, and a body as JSON if there is one; the answer is read as JSON. */
    async call(
      token: string,
      method: string,
      path: string,
      body?: unknown,
      headers?: Readonly<Record<string, string>>,
    ) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...{ authorization: `Bearer ${token}`, ...headers },
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
    },
    async close() {
      await listener.close(AbortSignal.abort());
      await handler.close();
    },
  };
}

/** Serves the same routes in this process and behind a peer, until the tests of `scope` are over. */
export async function startInBothPlaces(scope: { after(end: () => Promise<void>): void }, routes: Routes) {
  const peerToken = new Secret("peer-token-of-this-test");
  const served = { name: "tested", routes, ops: {}, peerUrl: undefined };
  const peer = createPeerHttpHandler({ ...testParts(), peerToken, mounted: [served] });
  const peerServer = createHttpServer({ onRequest: peer.onRequest, clock: systemClock });
  const peerUrl = `http://127.0.0.1:${await peerServer.listen({ host: "127.0.0.1", port: 0 })}`;
  const forwarder = createForwarder({ peerToken, clock: systemClock });
  const direct = await startTestServer({ mounted: [served] });
  const mounted = [{ name: "tested", routes, ops: undefined, peerUrl }];
  const behind = await startTestServer({ mounted, forward: forwarder.forward });
  scope.after(async () => {
    await direct.close();
    await behind.close();
    forwarder.close();
    await peerServer.close(AbortSignal.abort());
    await peer.close();
  });
  return [
    ["in this process", direct],
    ["behind a peer", behind],
  ] as const;
}

type Routes = HttpHandlerOptions["mounted"][number]["routes"];

/** The error of a failed answer in the platform's own shape. */
export async function errorOf(response: Response): Promise<{
  readonly code: string;
  readonly message: string;
  readonly message_i18n: { readonly zh_CN: string; readonly en_US: string };
  readonly details: Readonly<Record<string, unknown>>;
  readonly trace_id: string;
  readonly retryable: boolean;
  readonly doc_url: string;
}> {
  return ((await response.json()) as { readonly error: Awaited<ReturnType<typeof errorOf>> }).error;
}

/** Sends bytes and gives everything that comes back until the server closes. */
export function exchangeBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", reject).on("close", () => resolve(text));
    socket.setTimeout(5_000, () => socket.destroy(new Error(`still open after: ${text.slice(0, 80)}`)));
  });
}
