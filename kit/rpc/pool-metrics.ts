import { Counter, Gauge, type Registry } from "prom-client";
import type { PeerTarget } from "./peer-target.ts";
import type { PoolEndpoint } from "./pool-endpoint.ts";

type Read<T> = (from: T) => number;

const endpointCounters: Readonly<Record<string, readonly [help: string, read: Read<PoolEndpoint>]>> = {
  rpc_client_calls_total: ["Calls begun, by endpoint.", ({ calls }) => calls],
  rpc_client_failures_total: ["Calls that count against their endpoint.", ({ failures }) => failures],
  rpc_client_ejections_total: ["Times the endpoint was ejected as an outlier.", ({ outlier }) => outlier.ejections],
  rpc_client_channel_handovers_total: [
    "Connections replaced because of their age.",
    ({ channels }) => channels.handovers,
  ],
};

const endpointGauges: Readonly<Record<string, readonly [help: string, read: Read<PoolEndpoint>]>> = {
  rpc_client_in_flight: ["Calls under way, by endpoint.", ({ inFlight }) => inFlight],
  rpc_client_channels: ["Open connections, by endpoint.", ({ channels }) => channels.count()],
  rpc_client_latency_seconds: [
    "Moving average by which calls are balanced.",
    (endpoint) => endpoint.latencyMs() / 1000,
  ],
  rpc_client_ejected: ["1 while the endpoint is ejected.", ({ outlier }) => Number(outlier.isEjected())],
  rpc_client_warmth: [
    "Share that the endpoint gets of its full load while it warms up.",
    (endpoint) => endpoint.warmth(),
  ],
};

const targetCounters: Readonly<Record<string, readonly [help: string, read: Read<PeerTarget>]>> = {
  rpc_client_reoffers_total: [
    "Calls that never reached their endpoint and went to another.",
    ({ reoffers }) => reoffers,
  ],
  rpc_client_discovery_failures_total: ["Times the registry could not tell.", (target) => target.discoveryFailures],
};

/**
 * Registers what the targets count: series by `target` and `endpoint`, for the endpoints that are there when it is read.
 * Once per registry; prom-client throws on the second time.
 */
export function registerPoolMetrics(registry: Registry, listTargets: () => Iterable<PeerTarget>): void {
  const registers = [registry];
  const labelNames = ["target", "endpoint"];
  for (const [name, [help, read]] of Object.entries(endpointCounters)) {
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        eachEndpoint(listTargets(), (labels, endpoint) => this.inc(labels, read(endpoint)));
      },
    });
  }
  for (const [name, [help, read]] of Object.entries(endpointGauges)) {
    new Gauge({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        eachEndpoint(listTargets(), (labels, endpoint) => this.set(labels, read(endpoint)));
      },
    });
  }
  for (const [name, [help, read]] of Object.entries(targetCounters)) {
    new Counter({
      ...{ name, help, labelNames: ["target"], registers },
      collect() {
        this.reset();
        for (const target of listTargets()) this.inc({ target: target.name }, read(target));
      },
    });
  }
}

function eachEndpoint(
  targets: Iterable<PeerTarget>,
  visit: (labels: { target: string; endpoint: string }, endpoint: PoolEndpoint) => void,
): void {
  for (const { name, pool } of targets) {
    for (const endpoint of pool.list()) visit({ target: name, endpoint: endpoint.url }, endpoint);
  }
}
