import { type Client, createClient, type ServiceImpl } from "@connectrpc/connect";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import type { Target } from "../discovery/target.ts";
import { createCallGate } from "../rpc/call-gate.ts";
import { listenForPeers } from "../rpc/peer-listener.ts";
import { createPeerRouter } from "../rpc/peer-router.ts";
import type { PoolOptions } from "../rpc/pool.ts";
import { createRpcMetrics } from "../rpc/rpc-metrics.ts";
import { interceptServer } from "../rpc/server-interceptor.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { createTransports } from "../service/transports.ts";
import { EchoService } from "./gen/lyss/kit/testing/v1/echo_pb.js";
import { openRpc } from "./open-rpc.ts";

export const echoToken = new Secret("the peers' token");

/** One instance of the echo service on a port of its own. */
export interface EchoPeer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Calls of `say` that it has begun. */
  calls(): number;
  /** Refuses further calls, lets those under way end, and closes. */
  stop(): Promise<void>;
  /** Cuts every connection. */
  kill(): Promise<void>;
}

/** Listens on `port`, any free one unless given. `say` answers with the text unless `echo` says otherwise. */
export async function startEchoPeer(port = 0, echo: Partial<ServiceImpl<typeof EchoService>> = {}): Promise<EchoPeer> {
  const gate = createCallGate("echo");
  const router = createPeerRouter(echoToken, () => true, systemClock);
  let calls = 0;
  const { say = ({ text }) => ({ text }), ...others } = echo;
  const implementation: Partial<ServiceImpl<typeof EchoService>> = {
    say(request, context) {
      calls++;
      return say(request, context);
    },
    ...others,
  };
  const log = pino({ enabled: false });
  const metrics = createRpcMetrics(new Registry());
  const serving = {
    service: "echo",
    clock: systemClock,
    log,
    metrics,
    gate,
    callers: new Set<string>(),
    audit: () => {},
  };
  router.mount(EchoService, interceptServer(openRpc(EchoService, implementation), serving));
  const onRequest = (_req: unknown, res: { end(text: string): unknown }) => void res.end("an echo peer");
  const listener = await listenForPeers({ host: "127.0.0.1", port, router, onRequest, clock: systemClock });
  const kill = () => listener.close(AbortSignal.abort());
  return {
    url: listener.url,
    port: Number(new URL(listener.url).port),
    calls: () => calls,
    async stop() {
      const never = new AbortController().signal;
      await gate.close(never);
      await listener.close(never);
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** A client of the echo service at a target, as a service has it, and what it counts. */
export interface EchoClient extends Disposable {
  readonly echo: Client<typeof EchoService>;
  readonly metrics: Registry;
}

export function connectEcho(target: Target, pool: PoolOptions = {}, clock: Clock = systemClock): EchoClient {
  const metrics = new Registry();
  const transports = createTransports({ peers: { echo: target }, peerToken: echoToken, clock, metrics, pool });
  return {
    echo: createClient(EchoService, transports.to("echo")),
    metrics,
    [Symbol.dispose]: () => transports.close(),
  };
}
