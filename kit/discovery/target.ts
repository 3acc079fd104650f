import { readFile } from "node:fs/promises";
import { Secret } from "../config/secret.ts";
import type { Clock } from "../service/clock.ts";
import { createConsulDiscovery } from "./consul-discovery.ts";
import { createDnsDiscovery } from "./dns-discovery.ts";
import type { Discovery, EndpointListener } from "./endpoint.ts";
import { createKubernetesDiscovery } from "./kubernetes-discovery.ts";
import { createStaticDiscovery } from "./static-discovery.ts";
import type { Draw } from "./watch-loop.ts";

/**
 * Where a service is to be found: one URL, several of them (separated by commas, or a list), or who knows.
 * - `http://10.0.0.7:7400,http://10.0.0.8:7400`
 * - `dns://echo.internal:7400` by addresses, `dns://_grpc._tcp.echo.internal` by SRV records;
 *   `dns://10.0.0.2:53/echo.internal:7400` asks that server.
 * - `consul://127.0.0.1:8500/echo?tag=blue&dc=east&token-file=/run/secrets/consul`
 * - `k8s://echo.prod:7400`, or the port's name: `k8s://echo.prod?port=grpc`
 */
export type Target = string | readonly string[];

export interface TargetDeps {
  readonly clock: Clock;
  readonly draw: Draw;
}

const maxUrls = 256;

/** The one text by which a target is known. */
export function targetText(target: Target): string {
  return typeof target === "string" ? target : target.join(",");
}

/** Throws a TypeError that says what is wrong with a target. Asks nobody. */
export function checkTarget(target: Target): void {
  open(target);
}

/** Watches a target until the returned function is called. Throws a TypeError as `checkTarget` does. */
export function watchTarget(target: Target, listener: EndpointListener, deps: TargetDeps): () => void {
  const { service, createDiscovery } = open(target);
  return createDiscovery(deps).watch(service, listener);
}

interface OpenTarget {
  readonly service: string;
  readonly createDiscovery: (deps: TargetDeps) => Discovery;
}

function open(target: Target): OpenTarget {
  const parts = targetText(target)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const [first = ""] = parts;
  if (/^(consul|dns|k8s):/.test(first)) {
    if (parts.length > 1) throw new TypeError("a target names one registry and nothing beside it");
    return openRegistry(parseUrl(first));
  }
  if (parts.length === 0 || parts.length > maxUrls) throw new TypeError(`a target has 1 to ${maxUrls} addresses`);
  const urls = parts.map(toBaseUrl);
  return { service: "", createDiscovery: () => createStaticDiscovery(urls) };
}

function openRegistry(url: URL): OpenTarget {
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`${url.protocol}// takes no user and no password: a target is shown in metrics`);
  }
  const path = decodeURIComponent(url.pathname.replace(/^\//, ""));
  const query = readQuery(url);
  switch (url.protocol) {
    case "consul:":
      return openConsul(url, path, query);
    case "dns:":
      return openDns(url, path);
    default:
      return openKubernetes(url, query);
  }
}

function openConsul(url: URL, service: string, query: Query): OpenTarget {
  if (url.host === "" || service === "") throw new TypeError("write consul://agent:8500/service");
  const tokenFile = query("token-file");
  const token = tokenFile && (async () => new Secret((await readFile(tokenFile, "utf8")).trim()));
  const options = { url: `http://${url.hostname}:${url.port || 8500}`, tag: query("tag"), datacenter: query("dc") };
  return {
    service,
    createDiscovery: (deps) => createConsulDiscovery({ ...deps, ...options, token: token || undefined }),
  };
}

function openDns(url: URL, path: string): OpenTarget {
  // With a path the host is the server to ask, as in gRPC's own names (grpc/doc/naming.md).
  const name = path === "" ? url : parseUrl(`dns://${path}`);
  const server = path === "" ? undefined : `${url.hostname}:${url.port || 53}`;
  if (name.hostname === "") throw new TypeError("write dns://name:port, or dns://name for SRV records");
  const port = name.port === "" ? undefined : Number(name.port);
  return { service: name.hostname, createDiscovery: (deps) => createDnsDiscovery({ ...deps, port, server }) };
}

function openKubernetes(url: URL, query: Query): OpenTarget {
  const [service = "", namespace = "", ...rest] = url.hostname.split(".");
  if (service === "" || namespace === "" || rest.length > 0) throw new TypeError("write k8s://service.namespace:port");
  const port = query("port") ?? (url.port === "" ? undefined : url.port);
  const options = { namespace, port, apiUrl: query("api"), accountDir: query("account-dir") };
  return { service, createDiscovery: (deps) => createKubernetesDiscovery({ ...deps, ...options }) };
}

type Query = (name: string) => string | undefined;

const knownParameters: Readonly<Record<string, readonly string[]>> = {
  "consul:": ["tag", "dc", "token-file"],
  "k8s:": ["port", "api", "account-dir"],
};

function readQuery({ protocol, searchParams }: URL): Query {
  for (const name of searchParams.keys()) {
    if (!knownParameters[protocol]?.includes(name)) throw new TypeError(`${protocol}// does not know '${name}'`);
  }
  return (name) => searchParams.get(name) ?? undefined;
}

function toBaseUrl(text: string): string {
  const url = parseUrl(text);
  if (url.protocol !== "http:" || url.pathname !== "/" || url.username !== "" || url.search !== "") {
    throw new TypeError(`a peer's address must look like http://host:port, not ${url.protocol}//${url.host}`);
  }
  return text.replace(/\/$/, "");
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url) throw new TypeError("a target is not a URL");
  return url;
}
