import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly hasFailed: boolean;
  /** The process that sent it. */
  readonly instance: string;
}

/** Takes OTLP over HTTP, in JSON as our exporter sends it (https://opentelemetry.io/docs/specs/otlp/#otlphttp). */
export interface OtlpReceiver {
  readonly url: string;
  /** The spans of a trace as soon as `isWhole` says that they are all there. */
  trace(traceId: string, isWhole: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
  readonly spans: readonly ReceivedSpan[];
}

export async function startOtlpReceiver(t: { after(work: () => void): void }): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    if (req.url !== "/v1/traces" || req.headers["content-type"] !== "application/json")
      return void res.writeHead(415).end();
    spans.push(...readSpans(JSON.parse(Buffer.concat(chunks).toString())));
    for (const look of waiting) look();
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans,
    trace(traceId, isWhole) {
      return new Promise((resolve) => {
        const look = () => {
          const found = spans.filter((span) => span.traceId === traceId);
          if (!isWhole(found)) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Pick<ReceivedSpan, "traceId" | "spanId" | "parentSpanId" | "name"> & {
        readonly attributes: readonly KeyValue[];
        readonly status: { readonly code?: number };
      })[];
    }[];
  }[];
}

function readSpans({ resourceSpans }: TraceRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const instance = String(toRecord(resource.attributes)["service.instance.id"]);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, attributes, status }) => ({
        ...{ traceId, spanId, parentSpanId, name, instance },
        attributes: toRecord(attributes),
        hasFailed: status.code === 2,
      })),
    );
  });
}

/** Integers arrive as numbers or as texts, as protobuf's JSON has them. */
function toRecord(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      const { intValue } = value;
      return [key, intValue === undefined ? Object.values(value)[0] : Number(intValue)];
    }),
  );
}
