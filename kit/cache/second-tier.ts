import type { Clock } from "../service/clock.ts";
import type { CacheDriver, InvalidationBus, StoredText } from "./cache-driver.ts";
import { withTimeLimit } from "./time-limit.ts";

/** The mark of everything in a cache. */
export const allMark = "*";

export interface SecondTierOptions {
  readonly clock: Clock;
  readonly driver: CacheDriver | undefined;
  readonly bus: InvalidationBus | undefined;
  /** Goes before keys and marks. */
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly onError: () => void;
}

/** A driver and a bus that may fail: what goes wrong is counted, and never reaches a caller. */
export interface SecondTier {
  /** Undefined when the driver is away. */
  read(key: string, marks: readonly string[]): Promise<StoredText | undefined>;
  /** Not waited for. */
  write(key: string, text: string, ttlMs: number, stamp: string): void;
  /** Withdraws marks here and tells other nodes. What could not be withdrawn is, before anything is read again. */
  withdraw(marks: readonly string[]): Promise<void>;
}

/** After a failure the driver is left alone for this long, so that only the first call waits for it. */
const coolDownMs = 1_000;
/** Beyond as many owed withdrawals, everything is withdrawn instead. */
const maxOwedMarks = 1_000;

export function createSecondTier(options: SecondTierOptions): SecondTier {
  const { clock, driver, bus, namespace, timeoutMs, onError } = options;
  const owed = new Set<string>();
  let awayUntilMs = Number.NEGATIVE_INFINITY;
  const named = (name: string) => `${namespace}:${name}`;

  async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withTimeLimit(clock, timeoutMs, work(), () => {
        throw new Error(`the second tier took longer than ${timeoutMs} ms`);
      });
    } catch {
      onError();
      awayUntilMs = clock.monotonicMs() + coolDownMs;
      return undefined;
    }
  }

  /** True when nothing is owed any more. */
  async function pay(): Promise<boolean> {
    if (owed.size === 0) return true;
    const marks = [...owed];
    const isPaid = await attempt(async () => {
      await driver?.withdraw(marks);
      return true;
    });
    if (isPaid) for (const mark of marks) owed.delete(mark);
    return isPaid === true;
  }

  return {
    async read(key, marks) {
      if (!driver || clock.monotonicMs() < awayUntilMs || !(await pay())) return undefined;
      return attempt(() => driver.read(named(key), marks.map(named)));
    },
    write(key, text, ttlMs, stamp) {
      if (driver && clock.monotonicMs() >= awayUntilMs) attempt(() => driver.write(named(key), text, ttlMs, stamp));
    },
    async withdraw(marks) {
      if (driver) {
        for (const mark of marks) owed.add(named(mark));
        if (owed.size > maxOwedMarks) {
          owed.clear();
          owed.add(named(allMark));
        }
        await pay();
      }
      // After the withdrawal: a node that hears of it must not find the old text.
      if (bus) await attempt(() => bus.publish(marks.map(named)));
    },
  };
}
