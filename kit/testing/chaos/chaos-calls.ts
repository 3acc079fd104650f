import type { Transport } from "@connectrpc/connect";
import { Failure } from "../../errors/failure.ts";
import { kitFailures } from "../../errors/kit-failures.ts";
import { type Clock, delay } from "../../service/clock.ts";
import { createDraws } from "./chaos-seed.ts";

/** What can become of a call: it fails before it is made; it is late; it takes effect and its answer is lost; it is made twice. */
export type CallFault = "error" | "delay" | "lost_answer" | "duplicate";

export interface ChaosCallsOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** The share of calls with each fault, 0 to 1; at most 1 together. */
  readonly rates: Readonly<Partial<Record<CallFault, number>>>;
  /** The longest drawn delay. Default 100. */
  readonly maxDelayMs?: number;
  /** What a failed call rejects with: by default `kit.unavailable`, as when a peer is away. */
  readonly createError?: () => unknown;
}

/** Faults for calls, drawn from a seed: the nth call of the same run has the same fate. */
export interface ChaosCalls {
  /** The same function, with faults. */
  wrap<Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>): (...args: Args) => Promise<Result>;
  /** The same transport for RPC clients, with faults. A stream can fail and be late: its messages cannot be sent twice. */
  wrapTransport(transport: Transport): Transport;
  /** How many calls had each fault so far. */
  readonly counts: Readonly<Record<CallFault | "none", number>>;
}

/** Throws a RangeError when the rates are not shares. */
export function createChaosCalls(options: ChaosCallsOptions): ChaosCalls {
  const { clock, rates, maxDelayMs = 100 } = options;
  const shares = Object.entries(rates) as readonly (readonly [CallFault, number])[];
  const total = shares.reduce((sum, [, rate]) => sum + rate, 0);
  if (shares.some(([, rate]) => !(rate >= 0)) || total > 1)
    throw new RangeError("rates must be shares, at most 1 in all");
  const draws = createDraws(options.seed, "calls");
  const counts = { none: 0, error: 0, delay: 0, lost_answer: 0, duplicate: 0 };
  const createError = options.createError ?? (() => new Failure(kitFailures.unavailable, { service: "chaos" }));

  /** Two draws for every call, whatever its fate: so the fate of later calls depends on their number alone. */
  function draw(): { readonly fault: CallFault | undefined; readonly delayMs: number } {
    const at = draws.next();
    const delayMs = draws.between(1, maxDelayMs);
    let reached = 0;
    const [fault] =
      shares.find(([, rate]) => {
        reached += rate;
        return at < reached;
      }) ?? [];
    counts[fault ?? "none"]++;
    return { fault, delayMs };
  }

  async function endure<Result>(call: () => Promise<Result>, isRepeatable: boolean): Promise<Result> {
    const { fault, delayMs } = draw();
    if (fault === "error") throw createError();
    if (fault === "delay") await delay(clock, delayMs);
    if (!isRepeatable) return call();
    if (fault === "duplicate") {
      const [first] = await Promise.all([call(), call()]);
      return first;
    }
    const result = await call();
    if (fault === "lost_answer") throw createError();
    return result;
  }

  return {
    counts,
    wrap:
      (call) =>
      (...args) =>
        endure(() => call(...args), true),
    wrapTransport: (transport) => ({
      unary: (...args) => endure(() => transport.unary(...args), true),
      stream: (...args) => endure(() => transport.stream(...args), false),
    }),
  };
}
