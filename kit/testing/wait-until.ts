import { MessageChannel } from "node:worker_threads";
import { delay, systemClock } from "../service/clock.ts";

/** Short against what is waited for, and long enough to leave the machine to whoever does it. */
const pauseMs = 5;

/** Asks again and again: for what other sessions and processes do, of which nobody tells us. */
export async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  // The clock's timers keep no process alive, and a test that waits may have nothing else that does.
  const { port1: stay } = new MessageChannel();
  stay.ref();
  try {
    while (!(await isTrue())) await delay(systemClock, pauseMs);
  } finally {
    stay.close();
  }
}
