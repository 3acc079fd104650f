/** What a bounded store holds of one key. */
interface Slot<T> {
  readonly value: T;
  readonly sizeBytes: number;
  wasUsed: boolean;
}

/** Values by key within a number of entries and bytes. */
export interface Lru<T> {
  get(key: string): T | undefined;
  /** Stores it, and drops others until the bounds hold; one that is too large by itself is not stored. Its size is 0 unless given. */
  set(key: string, value: T, sizeBytes?: number): void;
  delete(key: string): void;
  clear(): void;
  entries(): IterableIterator<readonly [key: string, value: T]>;
  readonly size: number;
  readonly sizeBytes: number;
}

/**
 * Least recently used goes first, by the second-chance rule (F. Corbató, A Paging Experiment, 1968): a hit sets a flag
 * instead of moving the entry, so that it costs one look-up; what is oldest goes unless it was used since it was last asked.
 */
export function createLru<T>({
  maxEntries,
  maxBytes = Number.POSITIVE_INFINITY,
}: {
  readonly maxEntries: number;
  readonly maxBytes?: number;
}): Lru<T> {
  const slots = new Map<string, Slot<T>>();
  /** From the oldest on. Kept, since one that begins anew steps over the place of every slot that went before. */
  let oldest = slots.entries();
  let sizeBytes = 0;

  function remove(key: string): void {
    const slot = slots.get(key);
    if (!slot) return;
    sizeBytes -= slot.sizeBytes;
    slots.delete(key);
  }

  /** Undefined when there is none. */
  function nextOldest(): readonly [key: string, slot: Slot<T>] | undefined {
    const { value } = oldest.next();
    if (value) return value;
    // At the end, where it would stay.
    oldest = slots.entries();
    return oldest.next().value;
  }

  /** For one more entry. Ends: each step drops an entry or takes a flag away. */
  function makeRoom(bytes: number): void {
    while (slots.size >= maxEntries || sizeBytes + bytes > maxBytes) {
      const found = nextOldest();
      if (!found) return;
      const [key, slot] = found;
      slots.delete(key);
      if (slot.wasUsed) {
        slot.wasUsed = false;
        slots.set(key, slot);
      } else {
        sizeBytes -= slot.sizeBytes;
      }
    }
  }

  return {
    get(key) {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      slot.wasUsed = true;
      return slot.value;
    },
    set(key, value, bytes = 0) {
      remove(key);
      if (bytes > maxBytes) return;
      makeRoom(bytes);
      slots.set(key, { value, sizeBytes: bytes, wasUsed: false });
      sizeBytes += bytes;
    },
    delete: remove,
    clear() {
      slots.clear();
      sizeBytes = 0;
    },
    *entries() {
      for (const [key, { value }] of slots) yield [key, value] as const;
    },
    get size() {
      return slots.size;
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}
