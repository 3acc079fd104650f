import { createSeeded, type Seeded } from "../seeded-random.ts";

/** Replays a run: the number that a failed one printed. */
const variable = "CHAOS_SEED";

/**
 * Runs `work` with a seed: `seed`, or the one that the environment variable CHAOS_SEED names. When it rejects, the seed
 * stands in front of the error's message, so that whoever reads the failure can have the same draws again.
 */
export async function withSeed<T>(seed: number, work: (seed: number) => Promise<T>): Promise<T> {
  const chosen = Number(process.env[variable] ?? seed);
  if (!Number.isSafeInteger(chosen)) throw new RangeError(`${variable} must be a whole number`);
  try {
    return await work(chosen);
  } catch (err) {
    const failed = err instanceof Error ? err : new Error(String(err));
    failed.message = `seed ${chosen} (${variable}=${chosen} replays it): ${failed.message}`;
    throw failed;
  }
}

/** Draws for one part of a run. Parts with other names draw on their own, so that one more draw here moves none there. */
export function createDraws(seed: number, part: string): Seeded {
  let mixed = seed | 0;
  for (let i = 0; i < part.length; i++) mixed = Math.imul(mixed ^ part.charCodeAt(i), 0x01_00_01_93);
  return createSeeded(mixed);
}
