/** What can be in a list of its kind; it knows its neighbours while it is in it. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/**
 * Entries in the order in which they came. Each is added once, and removed without a search and without memory of its own.
 *
 * For what comes and goes with every request. A Map or a Set is the wrong home for that: V8 gives it a new table whenever the old one is
 * full of what was deleted, and leaves in the old one where the new one is (OrderedHashTable::Rehash). Once a collection has moved a table
 * to the old generation, all that follow are kept through it, and with them all that they held, until the old generation is collected: of
 * 64 entries under way, replaced one by one, 85 % of all memory was moved there, and with a list 0.4 % (Node 26).
 */
export interface LinkedList<T> {
  add(entry: T): void;
  /** Safe to repeat: what is in no list stays as it is. To be called only for what is not in another one. */
  remove(entry: T): void;
  /** Nothing may be removed meanwhile. */
  [Symbol.iterator](): IterableIterator<T>;
  readonly size: number;
}

export function createLinkedList<T extends Linked<T>>(): LinkedList<T> {
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
      if (previous === undefined && entry !== first) return;
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
