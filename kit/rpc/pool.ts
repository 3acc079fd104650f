import type { Endpoint } from "../discovery/endpoint.ts";
import type { Clock } from "../service/clock.ts";
import { type BalancerName, createBalancer, type Draw } from "./balancer.ts";
import { createOutlierDetector, defaultOutlierOptions, type OutlierOptions } from "./balancer-outliers.ts";
import type { PeerConnection } from "./grpc-transport.ts";
import { type ChannelOptions, createChannelSet, defaultChannelOptions } from "./pool-channels.ts";
import { createPoolEndpoint, type PoolEndpoint } from "./pool-endpoint.ts";

export interface PoolOptions {
  /** `power_of_two` unless given. */
  readonly balancer?: BalancerName | undefined;
  /** Where this process runs. Endpoints of the same zone are preferred while at least half of them are well. */
  readonly zone?: string | undefined;
  /** How long an endpoint that appears or returns takes to its full share. 30 s unless given. */
  readonly slowStartMs?: number | undefined;
  readonly outliers?: OutlierOptions | undefined;
  readonly channels?: ChannelOptions | undefined;
}

export interface PoolDeps {
  readonly connect: (url: string) => PeerConnection;
  readonly clock: Clock;
  readonly draw: Draw;
}

/** The endpoints of one target, of which each call gets one. */
export interface Pool {
  /**
   * Replaces the endpoints; those of the same URL and zone keep all that is known of them, and calls under way on one
   * that left go on to their end. An empty list changes nothing: a registry that lost its data must not take the peers
   * with it.
   */
  setEndpoints(endpoints: readonly Endpoint[]): void;
  /** One that is not in `tried`, or undefined when there is none. */
  pick(tried?: ReadonlySet<PoolEndpoint>): PoolEndpoint | undefined;
  list(): readonly PoolEndpoint[];
  /** Ends all connections, and every call on them. */
  close(): void;
}

const defaultSlowStartMs = 30_000;
const maxEndpoints = 1_024;

export function createPool(options: PoolOptions, deps: PoolDeps): Pool {
  const { clock, draw } = deps;
  const { zone, slowStartMs = defaultSlowStartMs } = options;
  const balance = createBalancer(options.balancer ?? "power_of_two", draw);
  const outliers = createOutlierDetector(options.outliers ?? defaultOutlierOptions, clock);
  const leaving = new Set<PoolEndpoint>();
  let endpoints = new Map<string, PoolEndpoint>();

  function add({ url, zone: endpointZone }: Endpoint): PoolEndpoint {
    const connect = () => deps.connect(url);
    return createPoolEndpoint({
      url,
      zone: endpointZone,
      outlier: outliers.add(),
      channels: createChannelSet(options.channels ?? defaultChannelOptions, { connect, clock, draw }),
      slowStartMs,
      isWarm: endpoints.size === 0,
      clock,
    });
  }

  function remove(endpoint: PoolEndpoint): void {
    endpoint.outlier.remove();
    endpoint.channels.drain();
    leaving.add(endpoint);
    for (const left of leaving) if (left.channels.count() === 0) leaving.delete(left);
  }

  function inZone(healthy: readonly PoolEndpoint[]): readonly PoolEndpoint[] {
    if (zone === undefined) return healthy;
    const near = healthy.filter((endpoint) => endpoint.zone === zone);
    const all = [...endpoints.values()].filter((endpoint) => endpoint.zone === zone).length;
    return near.length > 0 && near.length * 2 >= all ? near : healthy;
  }

  /** Draws until one accepts: one that is warming up refuses as often as it is cold, the last one never. */
  function drawOne(candidates: readonly PoolEndpoint[]): PoolEndpoint | undefined {
    let rest = candidates;
    for (;;) {
      const chosen = balance(rest);
      if (!chosen || rest.length === 1) return chosen;
      const warmth = chosen.warmth();
      if (warmth >= 1 || draw() < warmth) return chosen;
      rest = rest.filter((endpoint) => endpoint !== chosen);
    }
  }

  return {
    setEndpoints(given) {
      if (given.length === 0) return;
      const next = new Map<string, PoolEndpoint>();
      for (const endpoint of given.slice(0, maxEndpoints)) {
        const known = endpoints.get(endpoint.url);
        next.set(
          endpoint.url,
          known && known.zone === endpoint.zone ? known : (next.get(endpoint.url) ?? add(endpoint)),
        );
      }
      for (const [url, endpoint] of endpoints) if (next.get(url) !== endpoint) remove(endpoint);
      endpoints = next;
    },
    pick(tried) {
      const all = [...endpoints.values()];
      const healthy = all.filter(({ outlier }) => !outlier.isEjected());
      for (const candidates of [inZone(healthy), healthy, all]) {
        const untried = tried === undefined ? candidates : candidates.filter((endpoint) => !tried.has(endpoint));
        if (untried.length > 0) return drawOne(untried);
      }
      return undefined;
    },
    list: () => [...endpoints.values()],
    close() {
      for (const { channels } of [...endpoints.values(), ...leaving]) channels.close();
    },
  };
}
