import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly asDouble?: number;
  readonly count?: string;
}

interface Metric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

const counted = {
  input: "gen_ai.client.inference.usage.input_tokens",
  output: "gen_ai.client.inference.usage.output_tokens",
  calls: "gen_ai.client.operation.duration",
} as const;
type Counted = keyof typeof counted;

/** Takes metrics by OTLP over HTTP, in JSON as our sender sends them (https://opentelemetry.io/docs/specs/otlp/#otlphttp). Stops with the scope. */
export async function startMetricsReceiver(t: TestScope) {
  let latest: readonly Metric[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req.setEncoding("utf8")) body += chunk;
    if (req.url !== "/v1/metrics" || req.headers["content-type"] !== "application/json")
      return void res.writeHead(415).end();
    latest = JSON.parse(body).resourceMetrics[0].scopeMetrics[0].metrics;
    for (const look of waiting) look();
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });

  const pointsOf = (what: Counted): readonly Point[] => {
    const { sum, histogram } = latest.find(({ name }) => name === counted[what]) ?? {};
    return (sum ?? histogram)?.dataPoints ?? [];
  };
  const numberOf = ({ asDouble, count }: Point) => asDouble ?? Number(count);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`,
    /** Over all models, in what came last. */
    sumOf: (what: Counted) => pointsOf(what).reduce((sum, point) => sum + numberOf(point), 0),
    byModel() {
      const sums: Record<string, Record<Counted, number>> = {};
      for (const what of Object.keys(counted) as Counted[]) {
        for (const point of pointsOf(what)) {
          const model = point.attributes.find(({ key }) => key === "gen_ai.request.model")?.value.stringValue ?? "";
          sums[model] ??= { input: 0, output: 0, calls: 0 };
          sums[model][what] += numberOf(point);
        }
      }
      return sums;
    },
    /** Resolves when what came last is like that. */
    until(isWanted: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        const look = () => {
          if (!isWanted()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
  };
}
