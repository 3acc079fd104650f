import type { DescService } from "@bufbuild/protobuf";
import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import type { Registry } from "prom-client";
import type { Secret } from "../config/secret.ts";
import { type Target, targetText } from "../discovery/target.ts";
import { Failure } from "../errors/failure.ts";
import { createDraw } from "../rpc/balancer.ts";
import { interceptClient } from "../rpc/client-interceptor.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { createInProcessTransport } from "../rpc/in-process-transport.ts";
import { openPeerTarget, type PeerTarget } from "../rpc/peer-target.ts";
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
  /** Throws a TypeError for a service that is neither hosted nor a peer's, or whose target is malformed. */
  to(service: string): Transport;
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
  /** Gets the `rpc_client_*` series (pool-metrics.ts). */
  readonly metrics?: Registry | undefined;
  readonly pool?: PoolOptions | undefined;
}

/**
 * Nobody is asked and nothing is connected before a service's first client. Services of one target share its
 * connections.
 */
export function createTransports(options: TransportsOptions): Transports {
  const { peers, clock } = options;
  const hosted = new Map<string, Transport>();
  const targets = new Map<string, PeerTarget>();
  const draw = createDraw(options.random ?? createRandom(clock));
  if (options.metrics) registerPoolMetrics(options.metrics, () => targets.values());

  const openTarget = (peer: Target): PeerTarget => {
    const name = targetText(peer);
    const target =
      targets.get(name) ?? openPeerTarget(peer, options.pool ?? {}, { token: options.peerToken, clock, draw });
    targets.set(name, target);
    return target;
  };

  const connect = (service: string): Transport => {
    const peer = peers[service];
    if (peer === undefined) throw new TypeError(`service ${service} is neither started here nor at a peer`);
    return interceptClient(openTarget(peer).transport, { service, clock });
  };

  return {
    host(service, implementation) {
      const transport = createInProcessTransport(implementation, clock);
      hosted.set(service, interceptClient(transport, { service, clock }));
    },
    to: (service) => hosted.get(service) ?? connect(service),
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
