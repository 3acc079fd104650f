import type { FakeClock } from "../testing/fake-clock.ts";
import type { AdaptiveLimit } from "./adaptive-limit.ts";

/** What happens at a moment of the simulation. */
interface Happening {
  readonly atMs: number;
  readonly run: () => void;
}

export interface SimulatedCall {
  readonly arrivedMs: number;
  readonly firstByteMs: number;
  readonly endedMs: number;
}

export interface SimulationOptions {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly limit: AdaptiveLimit;
  /** Calls that the other side works on at a time; further ones wait there, in order. */
  readonly slots: number;
  /** From start of work to the first byte. */
  readonly firstByteMs: number;
  /** Calls a second that arrive at that moment, by a Poisson process. */
  ratePerSecond(nowMs: number): number;
  /** How long one call keeps its slot. */
  serviceMs(nowMs: number): number;
  onSecond?(nowMs: number): void;
  /** A call was refused while that many slots stood idle. */
  onRefused?(idleSlots: number): void;
}

/** A server with slots and a queue behind an adaptive limit, moment by moment on the fake clock. Gives finished calls. */
export function simulate(options: SimulationOptions, durationMs: number): SimulatedCall[] {
  const { clock, random, limit, slots, firstByteMs } = options;
  const heap = createHeap();
  const queue: (() => void)[] = [];
  const calls: SimulatedCall[] = [];
  let head = 0;
  let busy = 0;
  const at = (delayMs: number, run: () => void) => heap.push({ atMs: clock.monotonicMs() + delayMs, run });
  const endMs = clock.monotonicMs() + durationMs;

  const work = (arrivedMs: number, permit: NonNullable<ReturnType<AdaptiveLimit["tryAcquire"]>>) => {
    busy++;
    const startMs = clock.monotonicMs();
    const serviceMs = options.serviceMs(startMs);
    at(firstByteMs, () => permit.sample(clock.monotonicMs() - arrivedMs));
    at(serviceMs, () => {
      permit.end("ok");
      calls.push({ arrivedMs, firstByteMs: startMs + firstByteMs - arrivedMs, endedMs: clock.monotonicMs() });
      busy--;
      queue[head++]?.();
    });
  };
  const arrive = () => {
    at((-Math.log(1 - random()) * 1_000) / options.ratePerSecond(clock.monotonicMs()), arrive);
    const permit = limit.tryAcquire();
    if (!permit) return options.onRefused?.(slots - busy);
    const arrivedMs = clock.monotonicMs();
    if (busy < slots) work(arrivedMs, permit);
    else queue.push(() => work(arrivedMs, permit));
    if (head > queue.length) head = queue.length;
  };
  const tick = () => {
    options.onSecond?.(clock.monotonicMs());
    at(1_000, tick);
  };
  at(0, arrive);
  at(1_000, tick);
  for (let next = heap.pop(); next && next.atMs < endMs; next = heap.pop()) {
    clock.advance(next.atMs - clock.monotonicMs());
    next.run();
  }
  return calls;
}

/** A binary heap by time. */
function createHeap() {
  const items: Happening[] = [];
  const isBefore = (a: number, b: number) => (items[a]?.atMs ?? Infinity) < (items[b]?.atMs ?? Infinity);
  const swap = (a: number, b: number) => {
    const [first, second] = [items[a], items[b]];
    if (first && second) [items[a], items[b]] = [second, first];
  };
  return {
    push(item: Happening) {
      items.push(item);
      for (let at = items.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1)
        swap(at, (at - 1) >> 1);
    },
    pop(): Happening | undefined {
      const [first] = items;
      const last = items.pop();
      if (items.length === 0 || !last) return first;
      items[0] = last;
      for (let at = 0; ; ) {
        const left = 2 * at + 1;
        const next = isBefore(left + 1, left) ? left + 1 : left;
        if (!isBefore(next, at)) return first;
        swap(at, next);
        at = next;
      }
    },
  };
}
