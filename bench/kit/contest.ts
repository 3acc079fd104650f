/** One way to do a thing, done `count` times in a row by `run`. */
export interface Contestant {
  readonly name: string;
  /** What the kit aims at; absent for its peers, and for figures that are only there to compare. */
  readonly goalNs?: number;
  run(count: number): Promise<void> | void;
}

/** What one of them took each time. */
export interface Figure {
  readonly name: string;
  readonly goalNs: number | undefined;
  readonly medianNs: number;
  readonly bestNs: number;
}

/** Runs them in turns, after a warm-up of each, so that a drift of the machine hits all of them. */
export async function contest(
  contestants: readonly Contestant[],
  { rounds, count }: { readonly rounds: number; readonly count: number },
): Promise<readonly Figure[]> {
  const timesNs = new Map(contestants.map((contestant) => [contestant, [] as number[]]));
  for (const contestant of contestants) await measureNs(contestant, count);
  for (let round = 0; round < rounds; round++) {
    // The order changes each round, so that nobody always runs on a warm or a throttled machine.
    const turn = round % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      timesNs.get(contestant)?.push(await measureNs(contestant, count));
    }
  }
  return [...timesNs].map(([{ name, goalNs }, samples]) => {
    const sorted = samples.toSorted((a, b) => a - b);
    return { name, goalNs, medianNs: sorted[sorted.length >> 1] ?? Number.NaN, bestNs: sorted[0] ?? Number.NaN };
  });
}

/** CPU time of the whole process, the collector of its garbage included: what other programs take of the machine is not in it. */
async function measureNs(contestant: Contestant, count: number): Promise<number> {
  const start = process.cpuUsage();
  await contestant.run(count);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / count;
}
