import { delay, systemClock } from "../service/clock.ts";

/** Short against what is waited for, and long enough to leave the machine to whoever does it. */
const pauseMs = 5;

/** Asks again and again: for what other sessions and processes do, of which nobody tells us. */
export async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await delay(systemClock, pauseMs);
}
