import { lookup, Resolver } from "node:dns/promises";
import type { Clock } from "../service/clock.ts";
import { type Discovery, type Endpoint, keepLastGood, toEndpointUrl } from "./endpoint.ts";
import { type Draw, runWatchLoop } from "./watch-loop.ts";

export interface DnsDiscoveryOptions {
  readonly clock: Clock;
  readonly draw: Draw;
  /** Asks for addresses (A and AAAA) and joins them with this port. Without it SRV records tell hosts and ports. */
  readonly port?: number | undefined;
  /** `address:port` of the server to ask, instead of the machine's own resolver with its search domains and hosts file. */
  readonly server?: string | undefined;
  /** How often to ask, give or take a fifth. 10 s unless given. */
  readonly refreshMs?: number | undefined;
}

const defaultRefreshMs = 10_000;
const jitter = 0.2;
const attemptTimeoutMs = 2_000;
const maxTargets = 64;

/** Endpoints by the name of the service in DNS, asked for again and again. Names have no zone. */
export function createDnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  const { clock, draw, port, refreshMs = defaultRefreshMs } = options;
  return {
    watch(service, given) {
      const listener = keepLastGood(given);
      const resolver = new Resolver({ timeout: attemptTimeoutMs, tries: 2 });
      if (options.server !== undefined) resolver.setServers([options.server]);
      const addressesOf = (name: string) =>
        options.server === undefined ? lookUpAddresses(name) : resolveAddresses(resolver, name);

      async function round(): Promise<number> {
        const endpoints =
          port === undefined
            ? await resolveServices(resolver, service, addressesOf)
            : (await addressesOf(service)).map((address) => ({ url: toEndpointUrl(address, port) }));
        listener.onEndpoints(endpoints);
        return refreshMs * (1 - jitter + 2 * jitter * draw());
      }
      const stop = runWatchLoop({ clock, draw, round, onFailure: listener.onFailure });
      return () => {
        stop();
        resolver.cancel();
      };
    },
  };
}

async function lookUpAddresses(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** Both families; a name with one of them only is as good. Rejects when there is neither. */
async function resolveAddresses(resolver: Resolver, name: string): Promise<string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const refusal = answers.find((answer) => answer.status === "rejected");
  if (addresses.length === 0 && refusal) throw refusal.reason;
  return addresses;
}

/** Only the records of the best priority that is there (RFC 2782). Weights are left to the balancer. */
async function resolveServices(
  resolver: Resolver,
  name: string,
  addressesOf: (name: string) => Promise<string[]>,
): Promise<Endpoint[]> {
  const records = await resolver.resolveSrv(name);
  const best = Math.min(...records.map(({ priority }) => priority));
  const targets = records.filter(({ priority }) => priority === best).slice(0, maxTargets);
  const found = await Promise.all(
    targets.map(async (target) =>
      (await addressesOf(target.name)).map((address) => ({ url: toEndpointUrl(address, target.port) })),
    ),
  );
  return found.flat();
}
