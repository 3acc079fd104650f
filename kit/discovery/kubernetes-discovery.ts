import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Clock } from "../service/clock.ts";
import { type Discovery, type Endpoint, keepLastGood, toEndpointUrl } from "./endpoint.ts";
import { type Exchange, exchange, readJson } from "./http-exchange.ts";
import { type Draw, runWatchLoop } from "./watch-loop.ts";

export interface KubernetesDiscoveryOptions {
  readonly clock: Clock;
  readonly draw: Draw;
  readonly namespace: string;
  /** Name or number of the port among the slices' ports; the first one unless given. */
  readonly port?: string | undefined;
  /** `https://kubernetes.default.svc` unless given. */
  readonly apiUrl?: string | undefined;
  /** Folder with the service account's `token` and `ca.crt`. Both are read again for each request: they are rotated. */
  readonly accountDir?: string | undefined;
  /** How long the API server may keep one watch. 5 min unless given. */
  readonly watchMs?: number | undefined;
}

const defaultApiUrl = "https://kubernetes.default.svc";
const defaultAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount";
const defaultWatchMs = 300_000;
const listTimeoutMs = 30_000;
const maxListBytes = 16_777_216;
const maxLineBytes = 1_048_576;

const metadataSchema = z.object({ name: z.string().default(""), resourceVersion: z.string().default("") });
const sliceSchema = z.object({
  metadata: metadataSchema,
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        conditions: z.object({ ready: z.boolean().nullish() }).nullish(),
        zone: z.string().nullish(),
      }),
    )
    .nullish(),
  ports: z.array(z.object({ name: z.string().nullish(), port: z.int().nullish() })).nullish(),
});
const listSchema = z.object({ metadata: metadataSchema, items: z.array(sliceSchema).nullish() });
const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED"]), object: sliceSchema }),
  z.object({ type: z.literal("BOOKMARK"), object: z.object({ metadata: metadataSchema }) }),
  z.object({ type: z.literal("ERROR"), object: z.object({ code: z.int().nullish(), message: z.string().nullish() }) }),
]);

type Slice = z.infer<typeof sliceSchema>;

/**
 * Ready endpoints of a Service by its EndpointSlices: one list, then a watch from its version, which bookmarks move on
 * while nothing changes. A version that the API server no longer has (410 Gone) begins with a list again. Needs the
 * right to list and watch `endpointslices` of `discovery.k8s.io`.
 */
export function createKubernetesDiscovery(options: KubernetesDiscoveryOptions): Discovery {
  const { clock, draw, watchMs = defaultWatchMs } = options;
  return {
    watch(service, given) {
      const listener = keepLastGood(given);
      const slices = new Map<string, Slice>();
      let version: string | undefined;
      const tell = () =>
        listener.onEndpoints([...slices.values()].flatMap((slice) => toEndpoints(slice, options.port)));

      async function list(signal: AbortSignal): Promise<void> {
        const answer = await ask(options, service, {}, signal, listTimeoutMs);
        const { metadata, items } = await readJson(answer, listSchema, maxListBytes);
        slices.clear();
        for (const slice of items ?? []) slices.set(slice.metadata.name, slice);
        version = metadata.resourceVersion;
        tell();
      }

      async function follow(signal: AbortSignal): Promise<void> {
        const query = {
          watch: "true",
          allowWatchBookmarks: "true",
          resourceVersion: version ?? "",
          timeoutSeconds: String(Math.ceil(watchMs / 1000)),
        };
        const answer = await ask(options, service, query, signal, watchMs + listTimeoutMs);
        if (answer.status !== 200) throw new Error(`the watch was answered with ${answer.status}`);
        for await (const line of answer.lines(maxLineBytes)) {
          const event = eventSchema.parse(JSON.parse(line));
          if (event.type === "ERROR") throw new Error(`the watch ended: ${event.object.code} ${event.object.message}`);
          version = event.object.metadata.resourceVersion;
          if (event.type === "BOOKMARK") continue;
          if (event.type === "DELETED") slices.delete(event.object.metadata.name);
          else slices.set(event.object.metadata.name, event.object);
          tell();
        }
      }

      async function round(signal: AbortSignal): Promise<number> {
        if (version === undefined) await list(signal);
        try {
          await follow(signal);
        } catch (err) {
          // A cut connection may go on where it was; but a list is never wrong, and failures are rare.
          version = undefined;
          throw err;
        }
        return 0;
      }
      return runWatchLoop({ clock, draw, round, onFailure: listener.onFailure });
    },
  };
}

async function ask(
  options: KubernetesDiscoveryOptions,
  service: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Exchange> {
  const { apiUrl = defaultApiUrl, accountDir = defaultAccountDir } = options;
  const namespace = encodeURIComponent(options.namespace);
  const url = new URL(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, apiUrl);
  url.searchParams.set("labelSelector", `kubernetes.io/service-name=${service}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const token = (await readFile(`${accountDir}/token`, "utf8")).trim();
  const ca = url.protocol === "https:" ? await readFile(`${accountDir}/ca.crt`, "utf8") : undefined;
  return exchange({ url, headers: { authorization: `Bearer ${token}` }, ca, signal, timeoutMs, clock: options.clock });
}

/** `ready` may be left out, which the API's documentation says to take as true. */
function toEndpoints({ endpoints, ports }: Slice, wanted: string | undefined): Endpoint[] {
  const isWanted = ({ name, port }: { name?: string | null | undefined; port?: number | null | undefined }) =>
    wanted === undefined || name === wanted || String(port) === wanted;
  const port = ports?.find(isWanted)?.port;
  if (port == null) return [];
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses, zone }) =>
      addresses.slice(0, 1).map((address) => ({ url: toEndpointUrl(address, port), zone: zone ?? undefined })),
    );
}
