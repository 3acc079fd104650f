import type { Secret } from "../config/secret.ts";
import type { Clock } from "../service/clock.ts";
import { type Exchange, exchange } from "./http-exchange.ts";

/** How an agent is reached. */
export interface ConsulAgent {
  /** Such as `http://127.0.0.1:8500`. */
  readonly url: string;
  /** Read before each request, so that a token may be replaced while we run. */
  readonly token?: (() => Promise<Secret>) | undefined;
  readonly clock: Clock;
}

export interface ConsulRequest {
  readonly method?: "GET" | "PUT";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** One request of Consul's HTTP API (developer.hashicorp.com/consul/api-docs). Any status is an answer. */
export async function askConsul(agent: ConsulAgent, asked: ConsulRequest): Promise<Exchange> {
  const url = new URL(asked.path, agent.url);
  for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.set(name, value);
  const token = await agent.token?.();
  return exchange({
    url,
    method: asked.method ?? "GET",
    headers: token === undefined ? {} : { "x-consul-token": token.reveal() },
    body: asked.body,
    signal: asked.signal,
    timeoutMs: asked.timeoutMs,
    clock: agent.clock,
  });
}
