import { setImmediate } from "node:timers/promises";

/** To read a body that is longer takes so long, some 20 ms for the longest, that other calls go on between two steps. */
const bytesAtOnce = 262_144;

/** For what is done of a body of so many bytes between two steps. */
export async function takeTurn(bytes: number): Promise<void> {
  if (bytes > bytesAtOnce) await setImmediate();
}
