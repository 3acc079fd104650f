import type { DescService } from "@bufbuild/protobuf";
import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Secret } from "../config/secret.ts";
import { type Target, targetText } from "../discovery/target.ts";
import { Failure } from "../errors/failure.ts";
import { registerPolicyMetrics } from "../resilience/metrics.ts";
import { definePolicies, type PoliciesConfig } from "../resilience/policies.ts";
import { createDraw } from "../rpc/balancer.ts";
import { interceptClient } from "../rpc/client-interceptor.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { createInProcessTransport } from "../rpc/in-process-transport.ts";
import { openPeerTarget, type PeerTarget } from "../rpc/peer-target.ts";
import { applyPolicy, defaultTargetPolicy, rpcJudgement } from "../rpc/policy-transport.ts";
import type { PoolOptions } from "../rpc/pool.ts";
import { registerPoolMetrics } from "../rpc/pool-metrics.ts";
import { bootFailures } from "./boot-failures.ts";
import { type Clock, delay } from "./clock.ts";
import { createRandom, type Random } from "./ids.ts";

const retryMs = 100;
const checkTimeoutMs = 1_000;
/** A name that never resolves (RFC 2606). */
const unknownUrl = "http://unknown.invalid";

/** The way to every service: into this process where it is hosted here, to its peer where it is not. */
export interface Transports {
  /** From now on calls to the service stay in this process. */
  host<Contract extends DescService>(service: string, implementation: ServiceImpl<Contract>): void;
  /**
   * For clients of the service named `from`; of the program itself without it. Throws a TypeError for a service that is
   * neither hosted nor a peer's, or whose target is malformed.
   */
  to(service: string, from?: string): Transport;
  /**
   * Resolves when the service's peer says by grpc.health.v1 that it serves. Rejects with `boot.peer_missing` when it
   * does not before `deadlineMs` of the monotonic clock, and with the signal's reason when that aborts.
   */
  waitFor(service: string, deadlineMs: number, signal: AbortSignal): Promise<void>;
  /**
   * URL of one of the peers that host the service, chosen as for a call, for what is no RPC. While none is known it is
   * one that nobody answers at. Undefined for a service that is no peer's.
   */
  urlOf(service: string): string | undefined;
  /** Ends the connections to all peers, and every call on them. */
  close(): void;
}

export interface TransportsOptions {
  readonly peers: Readonly<Record<string, Target>>;
  readonly peerToken: Secret;
  readonly clock: Clock;
  /** For the balancer's draws. */
  readonly random?: Random | undefined;
  /** Gets the `rpc_client_*` series (pool-metrics.ts) and the `resilience_*` ones of the policies. */
  readonly metrics?: Registry | undefined;
  /** Told when a breaker opens or closes. */
  readonly log?: Logger | undefined;
  readonly pool?: PoolOptions | undefined;
  /** How calls to a service at a peer are made, by its name; the platform's breaker and retry unless given. */
  readonly policies?: PoliciesConfig | undefined;
}

/**
 * Nobody is asked and nothing is connected before a service's first client. Services of one target share its
 * connections.
 */
export function createTransports(options: TransportsOptions): Transports {
  const { peers, clock } = options;
  const hosted = new Map<string, Transport>();
  const targets = new Map<string, PeerTarget>();
  const random = options.random ?? createRandom(clock);
  const draw = createDraw(random);
  const defaults = Object.fromEntries(Object.keys(peers).map((service) => [service, defaultTargetPolicy]));
  const policies = definePolicies(
    { ...defaults, ...options.policies },
    {
      ...{ clock, random, ...rpcJudgement },
      onBreakerChange: (service, change) => options.log?.warn({ target: service, ...change }, "breaker has changed"),
    },
  );
  if (options.metrics) {
    registerPoolMetrics(options.metrics, () => targets.values());
    registerPolicyMetrics(options.metrics, policies, "rpc_policy");
  }

  const openTarget = (peer: Target): PeerTarget => {
    const name = targetText(peer);
    const target =
      targets.get(name) ?? openPeerTarget(peer, options.pool ?? {}, { token: options.peerToken, clock, draw });
    targets.set(name, target);
    return target;
  };

  const connect = (service: string, from?: string): Transport => {
    const peer = peers[service];
    if (peer === undefined) throw new TypeError(`service ${service} is neither started here nor at a peer`);
    return interceptClient(openTarget(peer).transport, { service, from, clock });
  };

  return {
    host(service, implementation) {
      hosted.set(service, createInProcessTransport(implementation, clock));
    },
    to(service, from) {
      const here = hosted.get(service);
      if (here) return interceptClient(here, { service, from, clock });
      return applyPolicy(connect(service, from), policies.get(service), clock);
    },
    async waitFor(service, deadlineMs, signal) {
      const startMs = clock.monotonicMs();
      const health = createClient(Health, connect(service));
      let reason = "";
      for (;;) {
        try {
          const { status } = await health.check({ service }, { timeoutMs: checkTimeoutMs, signal });
          if (status === HealthCheckResponse_ServingStatus.SERVING) return;
          reason = "it is still starting";
        } catch (err) {
          reason = innermostMessage(err);
        }
        signal.throwIfAborted();
        if (clock.monotonicMs() + retryMs > deadlineMs) break;
        await delay(clock, retryMs, signal);
      }
      const timeoutMs = Math.max(0, Math.round(deadlineMs - startMs));
      throw new Failure(bootFailures.peer_missing, {
        service,
        address: targetText(peers[service] ?? ""),
        timeoutMs,
        reason,
      });
    },
    urlOf(service) {
      const peer = peers[service];
      return peer === undefined ? undefined : (openTarget(peer).pool.pick()?.url ?? unknownUrl);
    },
    close() {
      for (const target of targets.values()) target.close();
    },
  };
}

function innermostMessage(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? innermostMessage(err.cause) : err.message;
}
