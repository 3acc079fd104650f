import type { Transport } from "@connectrpc/connect";
import type { Secret } from "../config/secret.ts";
import { type Target, targetText, watchTarget } from "../discovery/target.ts";
import type { Clock } from "../service/clock.ts";
import type { Draw } from "./balancer.ts";
import { connectPeer } from "./grpc-transport.ts";
import { createPool, type Pool, type PoolOptions } from "./pool.ts";
import { createPoolTransport } from "./pool-transport.ts";

/** The way to all endpoints of one target, shared by the clients of every service that is found there. */
export interface PeerTarget {
  /** Its text, as metrics name it. */
  readonly name: string;
  /** To be intercepted (client-interceptor.ts) before use. */
  readonly transport: Transport;
  readonly pool: Pool;
  /** Calls that never reached an endpoint and were offered to another one. */
  readonly reoffers: number;
  /** Times that the registry could not tell. */
  readonly discoveryFailures: number;
  /** Stops watching, and ends all connections with every call on them. */
  close(): void;
}

export interface PeerTargetDeps {
  readonly token: Secret;
  readonly clock: Clock;
  readonly draw: Draw;
}

/** Begins to watch the target. Nothing is connected before the first call. Throws a TypeError for one that is malformed. */
export function openPeerTarget(target: Target, options: PoolOptions, deps: PeerTargetDeps): PeerTarget {
  const { token, clock, draw } = deps;
  const pool = createPool(options, { connect: (url) => connectPeer(url, token), clock, draw });
  const asked = Promise.withResolvers<void>();
  let discoveryFailures = 0;
  let reoffers = 0;
  const listener = {
    onEndpoints(endpoints: Parameters<Pool["setEndpoints"]>[0]) {
      pool.setEndpoints(endpoints);
      asked.resolve();
    },
    onFailure() {
      discoveryFailures++;
      asked.resolve();
    },
  };
  const stop = watchTarget(target, listener, { clock, draw });
  const onReoffer = () => {
    reoffers++;
  };
  return {
    name: targetText(target),
    transport: createPoolTransport({ pool, ready: asked.promise, onReoffer }),
    pool,
    get reoffers() {
      return reoffers;
    },
    get discoveryFailures() {
      return discoveryFailures;
    },
    close() {
      stop();
      asked.resolve();
      pool.close();
    },
  };
}
