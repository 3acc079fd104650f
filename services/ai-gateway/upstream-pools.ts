import type { AddressGuard } from "@lyss/kit/http/address-guard.ts";
import {
  createUpstreamPool,
  readBufferBytes,
  type UpstreamPool,
  type UpstreamPoolDeps,
} from "@lyss/kit/http/upstream/upstream-pool.ts";
import type { GatewaySettings } from "./config.ts";
import { originOf, type Provider } from "./model.ts";

/** Keep-alive connections to providers. */
export interface UpstreamPools {
  poolOf(provider: Provider): UpstreamPool;
  close(): void;
}

/** Policies bound the calls to a provider before they come here; this is for one that bounds nothing. */
const maxQueue = 10_000;
/** Shorter than what common front ends keep without saying so (a minute and more); those that keep less say it. */
const keepAliveMs = 30_000;
const maxAgeMs = 600_000;

/**
 * One pool for each provider and origin: two tenants never share a connection to an address that one of them chose.
 * A tenant's own address is checked at each connect; an operator's may be private.
 */
export function createUpstreamPools(
  settings: GatewaySettings,
  guard: AddressGuard,
  deps: Pick<UpstreamPoolDeps, "clock" | "wheel">,
): UpstreamPools {
  const pools = new Map<string, UpstreamPool>();
  /** By the provider as it is now: one that changes is another object. */
  const known = new WeakMap<Provider, UpstreamPool>();
  const shared = { ...deps, readBuffer: Buffer.allocUnsafeSlow(readBufferBytes) };
  const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs } = settings;
  const limits = {
    ...{ maxConnections: settings.connectionsPerProvider, maxQueue, keepAliveMs, maxAgeMs },
    ...{ queueTimeoutMs: firstByteTimeoutMs, connectTimeoutMs, headTimeoutMs: firstByteTimeoutMs, idleTimeoutMs },
  };
  function findPool(provider: Provider): UpstreamPool {
    const origin = originOf(provider);
    const name = `${provider.providerId} ${origin}`;
    let pool = pools.get(name);
    if (!pool) {
      pool = createUpstreamPool({ ...limits, origin, guard: provider.source === "tenant" ? guard : undefined }, shared);
      pools.set(name, pool);
    }
    return pool;
  }

  return {
    poolOf(provider) {
      let pool = known.get(provider);
      if (!pool) {
        pool = findPool(provider);
        known.set(provider, pool);
      }
      return pool;
    },
    close() {
      for (const pool of pools.values()) pool.close();
      pools.clear();
    },
  };
}
