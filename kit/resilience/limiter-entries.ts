/** States by key, of which there are never more than `maxKeys`: the one not used for longest goes first. */
export interface LimiterEntries<State> {
  /** The state of a key, now the most recently used one; created where there is none. */
  use(key: string): State;
  /** The state of a key, without counting as a use. */
  find(key: string): State | undefined;
  countKeys(): number;
  countEvictions(): number;
}

interface Entry<State> {
  readonly key: string;
  readonly state: State;
  newer: Entry<State> | undefined;
  older: Entry<State> | undefined;
}

export const defaultMaxKeys = 100_000;

/** Throws a RangeError for a `maxKeys` below 1. */
export function createLimiterEntries<State>(
  createState: (key: string) => State,
  maxKeys: number = defaultMaxKeys,
): LimiterEntries<State> {
  if (!(Number.isInteger(maxKeys) && maxKeys >= 1)) throw new RangeError("maxKeys must be an integer from 1");
  // A list through the entries: moving one costs a few assignments, where re-inserting into the map costs a rehash.
  const byKey = new Map<string, Entry<State>>();
  let newest: Entry<State> | undefined;
  let oldest: Entry<State> | undefined;
  let evictions = 0;

  function evictOldest(): void {
    if (!oldest) return;
    byKey.delete(oldest.key);
    evictions++;
    oldest = oldest.newer;
    if (oldest) oldest.older = undefined;
    else newest = undefined;
  }

  function unlink(entry: Entry<State>): void {
    if (entry.older) entry.older.newer = entry.newer;
    else oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
  }

  function linkNewest(entry: Entry<State>): void {
    entry.older = newest;
    entry.newer = undefined;
    if (newest) newest.newer = entry;
    else oldest = entry;
    newest = entry;
  }

  return {
    use(key) {
      if (newest?.key === key) return newest.state;
      let entry = byKey.get(key);
      if (entry) {
        unlink(entry);
      } else {
        if (byKey.size >= maxKeys) evictOldest();
        entry = { key, state: createState(key), newer: undefined, older: undefined };
        byKey.set(key, entry);
      }
      linkNewest(entry);
      return entry.state;
    },
    find: (key) => byKey.get(key)?.state,
    countKeys: () => byKey.size,
    countEvictions: () => evictions,
  };
}
