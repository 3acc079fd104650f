import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { Clock } from "../service/clock.ts";
import { createKubernetesDiscovery } from "./kubernetes-discovery.ts";
import { hear, startServer } from "./testdata/heard.ts";

// A server that speaks the API of EndpointSlices as the Kubernetes documentation states it; no cluster is at hand.

/** Waits between rounds end as soon as they begin, limits of requests never come. */
const hurried: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  setTimer(delayMs, callback) {
    if (delayMs < 30_000) queueMicrotask(callback);
    return () => {};
  },
};

const slice = (name: string, resourceVersion: string, endpoints: readonly object[]) => ({
  metadata: { name, resourceVersion, labels: { "kubernetes.io/service-name": "echo" } },
  addressType: "IPv4",
  endpoints,
  ports: [
    { name: "metrics", port: 9090, protocol: "TCP" },
    { name: "grpc", port: 7400, protocol: "TCP" },
  ],
});
const pod = (address: string, ready?: boolean | null, zone?: string) => ({
  addresses: [address],
  conditions: ready === undefined ? {} : { ready },
  ...(zone ? { zone } : {}),
});

test("slices are listed, then watched from that version; bookmarks move it on; 410 Gone begins with a list", async () => {
  const accountDir = await mkdtemp(`${tmpdir()}/account-`);
  await writeFile(`${accountDir}/token`, "first\n");
  using api = await startServer();
  const options = { clock: hurried, draw: () => 0, namespace: "prod", port: "grpc", apiUrl: api.url, accountDir };
  using heard = hear(createKubernetesDiscovery(options), "echo");

  const list = await api.next();
  assert.equal(list.url.pathname, "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices");
  assert.equal(list.url.searchParams.get("labelSelector"), "kubernetes.io/service-name=echo");
  assert.equal(list.req.headers.authorization, "Bearer first");
  await writeFile(`${accountDir}/token`, "second\n");
  const a = slice("echo-a", "9", [pod("10.0.0.1", true, "east"), pod("10.0.0.2", false), pod("10.0.0.3", null)]);
  list.res.end(JSON.stringify({ metadata: { resourceVersion: "10" }, items: [a] }));
  assert.equal(await heard.next(), "10.0.0.1:7400@east 10.0.0.3:7400");

  const watch = await api.next();
  const { labelSelector: _, ...query } = Object.fromEntries(watch.url.searchParams);
  assert.deepEqual(query, { watch: "true", allowWatchBookmarks: "true", resourceVersion: "10", timeoutSeconds: "300" });
  assert.equal(watch.req.headers.authorization, "Bearer second", "the token is rotated");
  const send = (event: object) => void watch.res.write(`${JSON.stringify(event)}\n`);
  send({ type: "ADDED", object: slice("echo-b", "11", [pod("10.0.0.4", true)]) });
  assert.equal(await heard.next(), "10.0.0.1:7400@east 10.0.0.3:7400 10.0.0.4:7400");
  send({ type: "MODIFIED", object: slice("echo-a", "12", [pod("10.0.0.1", true)]) });
  assert.equal(await heard.next(), "10.0.0.1:7400 10.0.0.4:7400");
  send({ type: "DELETED", object: slice("echo-b", "13", []) });
  assert.equal(await heard.next(), "10.0.0.1:7400");
  send({ type: "BOOKMARK", object: { kind: "EndpointSlice", metadata: { resourceVersion: "99" } } });
  watch.res.end();

  const again = await api.next();
  assert.equal(again.url.searchParams.get("resourceVersion"), "99");
  again.res.end(
    `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, message: "too old resource version" } })}\n`,
  );
  assert.match(await heard.next(), /^failed: the watch ended: 410/);
  const relist = await api.next();
  assert.equal(relist.url.searchParams.get("watch"), null);
  relist.res.end(
    JSON.stringify({ metadata: { resourceVersion: "200" }, items: [slice("echo-c", "150", [pod("10.0.0.5")])] }),
  );
  assert.equal(await heard.next(), "10.0.0.5:7400");

  (await api.next()).res.writeHead(410).end("{}");
  assert.match(await heard.next(), /^failed: the watch was answered with 410/);
  (await api.next()).res.writeHead(403).end("forbidden");
  assert.match(await heard.next(), /^failed: answered 403/);
  const last = await api.next();
  last.res.end(JSON.stringify({ metadata: { resourceVersion: "300" }, items: [] }));
  assert.match(await heard.next(), /^failed: the registry knows no endpoint/);
  await rm(accountDir, { recursive: true });
});
