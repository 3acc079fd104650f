import cluster, { type Worker } from "node:cluster";
import type { MetricsText } from "@lyss/kit/observability/metrics.ts";
import {
  type CountLink,
  type CountNews,
  createSharedCounts,
  type SharedCounts,
} from "@lyss/kit/resilience/shared-counts.ts";
import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import type { Registry } from "prom-client";

/** All series of a process. */
export type MetricsReport = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** What a gateway process tells the process that started it. */
export type FromGateway =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "collect"; readonly id: number }
  | { readonly kind: "counts"; readonly news: CountNews }
  | { readonly kind: "metrics"; readonly id: number; readonly metrics: MetricsReport };

/** What it is told. */
export type ToGateway =
  | { readonly kind: "reload" }
  | { readonly kind: "report"; readonly id: number }
  | { readonly kind: "counts"; readonly from: string; readonly news: CountNews }
  | { readonly kind: "gateway_came" }
  | { readonly kind: "gateway_gone"; readonly gateway: string }
  | { readonly kind: "collected"; readonly id: number; readonly text: string };

/** A gateway process's side of the link to the process that started it. */
export interface GatewayLink {
  /** Its listener takes calls at `url`. */
  tellReady(url: string): void;
  /** Metrics of all processes that share the port: whichever of them is asked. */
  readonly allMetrics: MetricsText;
  /** Counts kept with the other gateways. */
  readonly sharedCounts: SharedCounts;
  /** Lets the process end. */
  close(): void;
}

/** A scrape waits a few seconds at most. */
const collectLimitMs = 3_000;

/** Undefined in a process that was not started as one of several gateways. Without its starter such a process ends. */
export function openGatewayLink(deps: {
  readonly metrics: Registry;
  readonly clock: Clock;
  /** The configuration is to be read again. */
  readonly onReload: () => void;
}): GatewayLink | undefined {
  const { metrics, clock, onReload } = deps;
  const { worker } = cluster;
  if (!worker) return undefined;
  const waiting = new Map<number, (text: string) => void>();
  let lastId = 0;
  const send = (message: FromGateway) => void worker.send(message);

  worker.on("message", (message: ToGateway) => {
    if (message.kind === "reload") onReload();
    else if (message.kind === "report") void report(message.id);
    else if (message.kind === "collected") waiting.get(message.id)?.(message.text);
  });

  async function report(id: number): Promise<void> {
    send({ kind: "metrics", id, metrics: await metrics.getMetricsAsJSON() });
  }

  async function collect(): Promise<string> {
    const id = ++lastId;
    const { promise, resolve } = Promise.withResolvers<string>();
    waiting.set(id, resolve);
    send({ kind: "collect", id });
    const answered = new AbortController();
    const tooLate = delay(clock, collectLimitMs, answered.signal).then(() => {
      throw new Error(`the metrics of the other processes did not come within ${collectLimitMs} ms`);
    });
    try {
      return await Promise.race([promise, tooLate]);
    } finally {
      waiting.delete(id);
      answered.abort();
    }
  }

  return {
    tellReady: (url) => send({ kind: "ready", url }),
    sharedCounts: createSharedCounts({ link: toCountLink(worker), clock }),
    allMetrics: { contentType: metrics.contentType, metrics: collect },
    close: () => worker.disconnect(),
  };
}

/** By way of the process that started them: what one tells, it hands to the others. */
function toCountLink(worker: Worker): CountLink {
  return {
    tell(news) {
      const message: FromGateway = { kind: "counts", news };
      if (worker.isConnected()) worker.send(message);
    },
    listen({ onNews, onCome, onGone }) {
      worker.on("message", (message: ToGateway) => {
        if (message.kind === "counts") onNews(message.from, message.news);
        else if (message.kind === "gateway_came") onCome();
        else if (message.kind === "gateway_gone") onGone(message.gateway);
      });
    },
  };
}
