/** What can be in a list; it knows its neighbours while it is in it. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** Entries in the order in which they came. Each is added once and removed at most once, without a search and without memory of its own. */
export interface KeptList<T> {
  add(entry: T): void;
  /** To be called only for one that is in the list. */
  remove(entry: T): void;
  /** Nothing may be removed meanwhile. */
  [Symbol.iterator](): IterableIterator<T>;
  readonly size: number;
}

export function createKeptList<T extends Linked<T>>(): KeptList<T> {
  let first: T | undefined;
  let last: T | undefined;
  let size = 0;
  return {
    add(entry) {
      entry.previous = last;
      if (last) last.next = entry;
      else first = entry;
      last = entry;
      size++;
    },
    remove(entry) {
      const { previous, next } = entry;
      if (previous) previous.next = next;
      else first = next;
      if (next) next.previous = previous;
      else last = previous;
      // An entry that somebody still holds must not hold all that came after it.
      entry.previous = undefined;
      entry.next = undefined;
      size--;
    },
    *[Symbol.iterator]() {
      for (let entry = first; entry; entry = entry.next) yield entry;
    },
    get size() {
      return size;
    },
  };
}
