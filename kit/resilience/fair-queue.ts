import { type Priority, priorities } from "./load-shed.ts";

/** Whose turn it is: one line for each of those who share. */
export interface Turn {
  readonly line: string;
  readonly priority: Priority;
}

/** A place in the queue. Belongs to the queue that gave it. */
export interface Waiting<Item> extends Turn {
  readonly item: Item;
}

export interface FairQueue<Item> {
  readonly size: number;
  add(turn: Turn, item: Item): Waiting<Item>;
  /** False for one that is not there any more. */
  remove(waiting: Waiting<Item>): boolean;
  /** Takes whose turn it is; undefined when nobody waits. */
  next(): Item | undefined;
  /**
   * Takes who should make room for a newcomer: the last of the longest line of a less urgent priority, or else of the newcomer's own
   * where that line is longer than the newcomer's would become. Undefined where the newcomer has the least claim itself.
   */
  makeRoom(turn: Turn): Item | undefined;
  /** Whether `makeRoom` would find somebody. */
  hasRoomFor(turn: Turn): boolean;
}

/** How far a turn puts a priority back; the more urgent one is, the less. By the shares of load shedding (70, 20, 10). */
const strides: Readonly<Record<Priority, number>> = { interactive: 2, background: 7, batch: 14 };

interface Class<Item> {
  readonly priority: Priority;
  readonly lines: Map<string, Set<Waiting<Item>>>;
  /** Whoever is least far has the next turn. */
  pass: number;
}

/**
 * A queue in which nobody waits because of how much somebody else asks for. Priorities take turns by their weights (stride scheduling, Waldspurger
 * and Weihl 1995), lines of one priority one after the other (round robin), and a line is in the order of arrival. `add`, `remove` and `next` are
 * O(1); `makeRoom` is O(lines).
 */
export function createFairQueue<Item>(): FairQueue<Item> {
  const classes = priorities.map((priority): Class<Item> => ({ priority, lines: new Map(), pass: 0 }));
  let size = 0;
  /** Where the turns are: who comes after a while has not saved any up. */
  let now = 0;

  function classOf({ priority }: Turn): Class<Item> {
    return classes[priorities.indexOf(priority)] as Class<Item>;
  }

  function take({ lines }: Class<Item>, waiting: Waiting<Item>): boolean {
    const line = lines.get(waiting.line);
    if (!line?.delete(waiting)) return false;
    size--;
    if (line.size === 0) lines.delete(waiting.line);
    return true;
  }

  function lineToShorten(turn: Turn): ReadonlySet<Waiting<Item>> | undefined {
    for (const its of classes.toReversed()) {
      const longest = longestOf(its);
      const isOwn = its.priority === turn.priority;
      if (longest && (!isOwn || longest.size > (its.lines.get(turn.line)?.size ?? 0) + 1)) return longest;
      if (isOwn) return undefined;
    }
    return undefined;
  }

  return {
    get size() {
      return size;
    },
    add(turn, item) {
      const its = classOf(turn);
      if (its.lines.size === 0) its.pass = Math.max(its.pass, now);
      const waiting = { line: turn.line, priority: turn.priority, item };
      const line = its.lines.get(turn.line);
      if (line) line.add(waiting);
      else its.lines.set(turn.line, new Set([waiting]));
      size++;
      return waiting;
    },
    remove: (waiting) => take(classOf(waiting), waiting),
    next() {
      const waitingOnes = classes.filter(({ lines }) => lines.size > 0);
      const [first, ...others] = waitingOnes;
      if (!first) return undefined;
      const its = others.reduce((least, one) => (one.pass < least.pass ? one : least), first);
      now = its.pass;
      its.pass += strides[its.priority];
      const [[name, line] = []] = its.lines;
      const [waiting] = line ?? [];
      if (name === undefined || !line || !waiting) return undefined;
      take(its, waiting);
      // To the end of the round.
      if (line.size > 0) {
        its.lines.delete(name);
        its.lines.set(name, line);
      }
      return waiting.item;
    },
    makeRoom(turn) {
      const line = lineToShorten(turn);
      const last = line && [...line].at(-1);
      if (last) take(classOf(last), last);
      return last?.item;
    },
    hasRoomFor: (turn) => lineToShorten(turn) !== undefined,
  };
}

function longestOf<Item>({ lines }: Class<Item>): ReadonlySet<Waiting<Item>> | undefined {
  let longest: ReadonlySet<Waiting<Item>> | undefined;
  for (const line of lines.values()) if (line.size > (longest?.size ?? 0)) longest = line;
  return longest;
}
