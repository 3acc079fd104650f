import type { Verdict } from "../resilience/judge-error.ts";
import type { Clock } from "../service/clock.ts";
import type { Candidate } from "./balancer.ts";
import { createLatencyAverage } from "./balancer-latency.ts";
import type { OutlierRecord } from "./balancer-outliers.ts";
import type { PeerConnection } from "./grpc-transport.ts";
import type { ChannelSet } from "./pool-channels.ts";

/** A failed call weighs at least this much, or the endpoint that fails the fastest would look like the best. */
const minFailureLatencyMs = 1_000;
/** An endpoint that begins gets at least this share of what it will get. */
const minWarmth = 0.1;

/** One call as its endpoint counts it. */
export interface PoolCall {
  readonly connection: PeerConnection;
  /** The answer has begun: what this took is the endpoint's latency. */
  answered(): void;
  /** The call has ended; only the first time counts. */
  end(verdict: Verdict): void;
}

/** Where calls go, and how they have fared there. */
export interface PoolEndpoint extends Candidate {
  readonly url: string;
  readonly zone: string | undefined;
  readonly outlier: OutlierRecord;
  readonly channels: ChannelSet;
  readonly calls: number;
  readonly failures: number;
  begin(): PoolCall;
  /** How far the endpoint has warmed up after it appeared or came back, from 0.1 to 1. */
  warmth(): number;
}

export interface PoolEndpointOptions {
  readonly url: string;
  readonly zone: string | undefined;
  readonly outlier: OutlierRecord;
  readonly channels: ChannelSet;
  readonly slowStartMs: number;
  /** True for those that were there first: where all are new, none has to be spared. */
  readonly isWarm: boolean;
  readonly clock: Clock;
}

export function createPoolEndpoint(options: PoolEndpointOptions): PoolEndpoint {
  const { url, zone, outlier, channels, slowStartMs, clock } = options;
  const latency = createLatencyAverage(clock);
  const addedMs = options.isWarm ? Number.NEGATIVE_INFINITY : clock.monotonicMs();
  let inFlight = 0;
  let calls = 0;
  let failures = 0;

  function begin(): PoolCall {
    const channel = channels.acquire();
    const startMs = clock.monotonicMs();
    let isAnswered = false;
    let isEnded = false;
    inFlight++;
    calls++;
    const answered = () => {
      if (isAnswered) return;
      isAnswered = true;
      // Never 0, which would stand for "not known".
      latency.observe(Math.max(clock.monotonicMs() - startMs, 0.001));
    };
    return {
      connection: channel.connection,
      answered,
      end(verdict) {
        if (isEnded) return;
        isEnded = true;
        inFlight--;
        channels.release(channel);
        outlier.note(verdict);
        if (verdict === "success") answered();
        if (verdict !== "failure") return;
        failures++;
        latency.observe(Math.max(clock.monotonicMs() - startMs, minFailureLatencyMs));
      },
    };
  }

  return {
    url,
    zone,
    outlier,
    channels,
    begin,
    latencyMs: latency.read,
    warmth() {
      const sinceMs = Math.max(addedMs, outlier.returnedMs() ?? addedMs);
      return Math.min(1, Math.max(minWarmth, (clock.monotonicMs() - sinceMs) / slowStartMs));
    },
    get inFlight() {
      return inFlight;
    },
    get calls() {
      return calls;
    },
    get failures() {
      return failures;
    },
  };
}
