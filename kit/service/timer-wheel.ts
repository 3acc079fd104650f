import type { Clock } from "./clock.ts";

/** A time limit that can be started again and again. Made once by `createTimerEntry`, for as long as its owner lives. */
export interface TimerEntry {
  /** Called when the time is over. Must not throw. May start and stop any entry, itself included. */
  readonly onTimeout: () => void;
  /** The rest is the wheel's own. */
  dueTick: number;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
}

/** Many coarse time limits on one timer of the clock. */
export interface TimerWheel {
  /**
   * Starts an entry, or starts it anew where it runs. It ends after `timeoutMs` at the earliest, and at most two ticks
   * later unless the event loop is late. An entry belongs to one wheel. Throws a RangeError for a limit that is not a finite
   * number.
   */
  start(timeoutMs: number, entry: TimerEntry): void;
  /** Stops an entry; one that does not run stays as it is. After this its `onTimeout` is not called. */
  stop(entry: TimerEntry): void;
}

export interface TimerWheelOptions {
  /** How coarse the limits are: a fraction of the shortest one that matters. At least 1. */
  readonly tickMs: number;
  readonly clock: Clock;
}

/** A power of two; limits longer than this many ticks are passed over once a turn. */
const slotCount = 512;

export function createTimerEntry(onTimeout: () => void): TimerEntry {
  return { onTimeout, dueTick: 0, previous: undefined, next: undefined };
}

/**
 * A hashed timing wheel (Varghese and Lauck, 1987, scheme 6): starting and stopping take the same short time however many
 * entries run, and allocate nothing. The clock's timer is set only while an entry runs, and does not keep the process alive.
 */
export function createTimerWheel({ tickMs, clock }: TimerWheelOptions): TimerWheel {
  if (!(tickMs >= 1)) throw new RangeError(`a wheel's tick is at least 1 ms, not ${tickMs}`);
  const slots = Array.from({ length: slotCount }, createRing);
  const expired = createRing();
  let running = 0;
  let isSet = false;
  /** Every entry due at this tick or before has ended. */
  let doneTick = 0;

  function slotOf(tick: number): TimerEntry {
    const slot = slots[tick % slotCount];
    // A limit that is no number would never end.
    if (!slot) throw new RangeError("a time limit is a finite number of milliseconds, 0 or more");
    return slot;
  }

  function setTimer(): void {
    if (isSet || running === 0) return;
    isSet = true;
    clock.setTimer(tickMs, onTick);
  }

  function onTick(): void {
    isSet = false;
    const nowTick = Math.floor(clock.monotonicMs() / tickMs);
    // After a pause of more than a turn each slot is looked at once, not once for each tick that was missed.
    const firstTick = Math.max(doneTick + 1, nowTick - slotCount + 1);
    doneTick = Math.max(doneTick, nowTick);
    for (let tick = firstTick; tick <= nowTick; tick++) moveDue(slotOf(tick), nowTick, expired);
    for (let entry = expired.next; entry && entry !== expired; entry = expired.next) {
      unlink(entry);
      running--;
      entry.onTimeout();
    }
    setTimer();
  }

  return {
    start(timeoutMs, entry) {
      const nowMs = clock.monotonicMs();
      // Nothing runs: there is nothing to be found in the ticks that have passed.
      if (!isSet && running === 0) doneTick = Math.floor(nowMs / tickMs);
      const dueTick = Math.max(Math.ceil((nowMs + timeoutMs) / tickMs), doneTick + 1);
      const slot = slotOf(dueTick);
      if (entry.next) unlink(entry);
      else running++;
      entry.dueTick = dueTick;
      insertBefore(slot, entry);
      setTimer();
    },
    stop(entry) {
      if (!entry.next) return;
      unlink(entry);
      running--;
    },
  };
}

/** The head of a circular list: an entry that never ends. */
function createRing(): TimerEntry {
  const ring = createTimerEntry(() => {});
  ring.previous = ring;
  ring.next = ring;
  return ring;
}

function moveDue(slot: TimerEntry, nowTick: number, to: TimerEntry): void {
  let entry = slot.next;
  while (entry && entry !== slot) {
    const next = entry.next;
    if (entry.dueTick <= nowTick) {
      unlink(entry);
      insertBefore(to, entry);
    }
    entry = next;
  }
}

function insertBefore(ring: TimerEntry, entry: TimerEntry): void {
  const last = ring.previous ?? ring;
  entry.previous = last;
  entry.next = ring;
  last.next = entry;
  ring.previous = entry;
}

function unlink(entry: TimerEntry): void {
  if (entry.previous) entry.previous.next = entry.next;
  if (entry.next) entry.next.previous = entry.previous;
  entry.previous = undefined;
  entry.next = undefined;
}
