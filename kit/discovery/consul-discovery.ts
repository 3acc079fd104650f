import { z } from "zod";
import { askConsul, type ConsulAgent } from "./consul-client.ts";
import { type Discovery, type Endpoint, keepLastGood, toEndpointUrl } from "./endpoint.ts";
import { readJson } from "./http-exchange.ts";
import { type Draw, runWatchLoop } from "./watch-loop.ts";

export interface ConsulDiscoveryOptions extends ConsulAgent {
  readonly draw: Draw;
  readonly tag?: string | undefined;
  readonly datacenter?: string | undefined;
  /** How long the agent may hold a question while nothing changes. 5 min unless given; the agent allows 10. */
  readonly waitMs?: number | undefined;
  /** Least time between two questions. 1 s unless given. */
  readonly minIntervalMs?: number | undefined;
}

const defaultWaitMs = 300_000;
const defaultMinIntervalMs = 1_000;
/** What an agent may take beyond the wait: up to a sixteenth by chance, and the way there and back. */
const graceMs = 10_000;
const maxAnswerBytes = 16_777_216;

const entrySchema = z.object({
  Node: z.object({ Address: z.string() }),
  Service: z.object({
    Address: z.string().default(""),
    Port: z.int().min(1).max(65_535),
    Meta: z.record(z.string(), z.string()).nullish(),
  }),
});
const entriesSchema = z.array(entrySchema).max(10_000);

/**
 * Endpoints whose checks pass, by blocking queries of `/v1/health/service/:service` that any server may answer (`stale`),
 * so that a Consul without a leader still answers. The zone is the service's metadata `zone`.
 */
export function createConsulDiscovery(options: ConsulDiscoveryOptions): Discovery {
  const { clock, draw, waitMs = defaultWaitMs, minIntervalMs = defaultMinIntervalMs } = options;
  return {
    watch(service, given) {
      const listener = keepLastGood(given);
      let index = 0n;

      async function round(signal: AbortSignal): Promise<number> {
        const startMs = clock.monotonicMs();
        const query: Record<string, string> = { passing: "true", stale: "", wait: `${Math.ceil(waitMs / 1000)}s` };
        if (index > 0n) query.index = String(index);
        if (options.tag !== undefined) query.tag = options.tag;
        if (options.datacenter !== undefined) query.dc = options.datacenter;
        try {
          const path = `/v1/health/service/${encodeURIComponent(service)}`;
          const timeoutMs = waitMs + waitMs / 16 + graceMs;
          const answer = await askConsul(options, { path, query, signal, timeoutMs });
          const entries = await readJson(answer, entriesSchema, maxAnswerBytes);
          index = nextIndex(index, answer.header("x-consul-index"));
          listener.onEndpoints(entries.map(toEndpoint));
        } catch (err) {
          // Whoever answers next may be another server with a history of its own.
          index = 0n;
          throw err;
        }
        return Math.max(0, startMs + minIntervalMs - clock.monotonicMs());
      }
      return runWatchLoop({ clock, draw, round, onFailure: listener.onFailure });
    },
  };
}

/** As the API's documentation asks of clients: start anew when it goes back, and never ask with 0, which does not block. */
function nextIndex(previous: bigint, header: string | undefined): bigint {
  if (header === undefined || !/^\d{1,20}$/.test(header)) throw new Error("the answer has no X-Consul-Index");
  const index = BigInt(header);
  if (index < previous) return 0n;
  return index > 0n ? index : 1n;
}

function toEndpoint({ Node, Service }: z.infer<typeof entrySchema>): Endpoint {
  const host = Service.Address === "" ? Node.Address : Service.Address;
  return { url: toEndpointUrl(host, Service.Port), zone: Service.Meta?.zone };
}
