import type { Clock } from "../service/clock.ts";

/** What `work` resolves with; after `limitMs` what `onTimeout` gives or throws, whatever becomes of the work. */
export function withTimeLimit<T>(clock: Clock, limitMs: number, work: Promise<T>, onTimeout: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(limitMs, () => {
      try {
        resolve(onTimeout());
      } catch (err) {
        reject(err);
      }
    });
    work.then(resolve, reject).finally(cancel);
  });
}
