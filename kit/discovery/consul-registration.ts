import { delay } from "../service/clock.ts";
import { askConsul, type ConsulAgent, type ConsulRequest } from "./consul-client.ts";

export interface ConsulRegistrationOptions extends ConsulAgent {
  readonly service: string;
  /** Unique within the agent; a registration of the same id is replaced. */
  readonly id: string;
  /** Where others reach the service. */
  readonly address: string;
  readonly port: number;
  readonly zone?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** `ttl`: we report in at a third of it. `http`: the agent asks that URL itself. */
  readonly check:
    | { readonly kind: "ttl"; readonly ttlMs: number }
    | { readonly kind: "http"; readonly url: string; readonly intervalMs: number; readonly timeoutMs: number };
  /** The agent forgets the service when its check has failed for this long: at least 1 min, less is taken as that. */
  readonly deregisterAfterMs: number;
  /** Hears of reports that failed; they are tried again at the next turn. */
  readonly onFailure: (err: unknown) => void;
}

/** A service that is registered with its agent. */
export interface ConsulRegistration {
  /** Takes the service out of the registry. Rejects when the agent does not do it; it then forgets it by itself. */
  stop(): Promise<void>;
}

const requestTimeoutMs = 5_000;

/**
 * Registers a service with its agent and keeps it so: an agent that has lost its data is told again within a third of the
 * TTL. Rejects when the first registration is refused. A service with an `http` check is told once.
 */
export async function registerWithConsul(options: ConsulRegistrationOptions): Promise<ConsulRegistration> {
  const { clock, check, id } = options;
  const stopping = new AbortController();
  const forever = new AbortController().signal;
  const checkId = `service:${id}`;

  /** The status, once the agent has done what was asked or says that there is no such thing. */
  async function put(path: string, body: unknown, signal: AbortSignal): Promise<number> {
    const asked: ConsulRequest = { method: "PUT", path, body, signal, timeoutMs: requestTimeoutMs };
    const answer = await askConsul(options, asked);
    const text = await answer.text(65_536);
    if (answer.status === 200 || answer.status === 404) return answer.status;
    throw new Error(`${path} was answered with ${answer.status}: ${text.slice(0, 200)}`);
  }

  async function register(): Promise<void> {
    const path = "/v1/agent/service/register";
    if ((await put(path, toRegistration(options, checkId), stopping.signal)) === 404) {
      throw new Error(`${path} does not exist: is this a Consul agent?`);
    }
  }

  async function reportIn(): Promise<void> {
    const path = `/v1/agent/check/update/${encodeURIComponent(checkId)}`;
    const isKnown = (await put(path, { Status: "passing" }, stopping.signal)) === 200;
    if (isKnown) return;
    await register();
    await put(path, { Status: "passing" }, stopping.signal);
  }

  async function keepReporting(ttlMs: number): Promise<void> {
    for (;;) {
      await delay(clock, ttlMs / 3, stopping.signal);
      await reportIn().catch((err) => {
        if (!stopping.signal.aborted) options.onFailure(err);
      });
    }
  }

  await register();
  if (check.kind === "ttl") {
    await reportIn();
    // Ends with the signal's reason.
    keepReporting(check.ttlMs).catch(() => {});
  }
  return {
    async stop() {
      stopping.abort(new Error("the service is being deregistered"));
      await put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`, undefined, forever);
    },
  };
}

function toRegistration(options: ConsulRegistrationOptions, checkId: string): unknown {
  const { check } = options;
  const how =
    check.kind === "ttl"
      ? { TTL: toDuration(check.ttlMs) }
      : { HTTP: check.url, Interval: toDuration(check.intervalMs), Timeout: toDuration(check.timeoutMs) };
  return {
    ID: options.id,
    Name: options.service,
    Address: options.address,
    Port: options.port,
    Tags: options.tags ?? [],
    Meta: options.zone === undefined ? {} : { zone: options.zone },
    Check: { CheckID: checkId, ...how, DeregisterCriticalServiceAfter: toDuration(options.deregisterAfterMs) },
  };
}

/** A duration as Go writes it. */
function toDuration(durationMs: number): string {
  return `${Math.ceil(durationMs)}ms`;
}
