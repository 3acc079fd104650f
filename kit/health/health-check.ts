/** What a probe says of a part that works, but not as it should. `reason` is shown to anyone. */
export interface Degraded {
  readonly degraded: string;
}

/**
 * Looks at one part. Resolves when it works, with a `Degraded` when not as it should; rejects, or outlives its time limit,
 * when it does not.
 */
export type HealthProbe = (signal: AbortSignal) => Promise<unknown>;

/** One named check: a probe, or a probe with what its outcome means. */
export type HealthCheck = HealthProbe | HealthCheckOptions;

export interface HealthCheckOptions {
  readonly probe: HealthProbe;
  /** False for a part without which the service still serves: then the worst it can be is degraded. True by default. */
  readonly isCritical?: boolean;
  /** 2 s by default. */
  readonly timeoutMs?: number;
  /** An answer that takes longer is degraded. */
  readonly latencyThresholdMs?: number;
}

/** Why a probe fails, in words that may be shown to anyone. What a driver or a library says never is. */
export class Unhealthy extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "Unhealthy";
  }
}
