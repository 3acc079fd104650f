import type { AddressGuard } from "@lyss/kit/http/address-guard.ts";
import { Pool } from "undici";
import type { GatewaySettings } from "./config.ts";
import { originOf, type Provider } from "./model.ts";

/** Keep-alive connections to providers. */
export interface UpstreamPools {
  poolOf(provider: Provider): Pool;
  close(): Promise<void>;
}

/**
 * One pool for each provider and origin: two tenants never share a connection to an address that one of them chose.
 * A tenant's own address is checked at each connect; an operator's may be private.
 */
export function createUpstreamPools(settings: GatewaySettings, guard: AddressGuard): UpstreamPools {
  const pools = new Map<string, Pool>();
  return {
    poolOf(provider) {
      const origin = originOf(provider);
      const name = `${provider.providerId} ${origin}`;
      let pool = pools.get(name);
      if (!pool) {
        pool = new Pool(origin, {
          connections: settings.connectionsPerProvider,
          pipelining: 1,
          headersTimeout: settings.firstByteTimeoutMs,
          bodyTimeout: settings.idleTimeoutMs,
          maxHeaderSize: 32_768,
          connect: {
            timeout: settings.connectTimeoutMs,
            ...(provider.source === "tenant" && { lookup: guard.lookup }),
          },
        });
        pools.set(name, pool);
      }
      return pool;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
