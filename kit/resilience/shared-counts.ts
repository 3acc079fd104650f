import type { Clock } from "../service/clock.ts";

type Entry = readonly [counter: string, key: string, units: number];

/** What one process tells the others of a platform. */
export interface CountNews {
  /** Units taken since it last told. */
  readonly taken: readonly Entry[];
  /** Units held now, of all that has changed since it last told. */
  readonly held: readonly Entry[];
}

/** A way to the other processes that hold callers to the same limits. */
export interface CountLink {
  /** Hands it to all others, in order. What is told when there is none, or too late for one, is lost to it. */
  tell(news: CountNews): void;
  /** Calls back for news of the process `from`; when a process has come, which knows nothing yet; and when one has ended. */
  listen(heard: { onNews(from: string, news: CountNews): void; onCome(): void; onGone(from: string): void }): void;
}

/**
 * Counts that processes keep together, each in its own memory: a decision is made at once by what is known here, and what was
 * decided is told to the others within `tellEveryMs`. So all of them together let through what a limit allows and, at most once, what
 * came in at the others in that time; it counts as taken like everything else and is not there the next moment.
 */
export interface SharedCounts {
  /**
   * Opens a counter of what is used up, under a name that all processes give it, once. The function that it gives back notes units
   * that were taken here; a negative number gives back. `onTaken` is called with what the others have taken.
   */
  openTaken(counter: string, onTaken: (key: string, units: number) => void): (key: string, units: number) => void;
  /**
   * Opens a counter of what is held for a while and given back, such as calls under way. The function notes a change here; `onElsewhere`
   * is called with what all others hold together, 0 when one that held it has ended.
   */
  openHeld(counter: string, onElsewhere: (key: string, units: number) => void): (key: string, change: number) => void;
}

/** A person does not notice it, and a busy process tells what thousands of calls took in one message. */
export const tellEveryMs = 50;

/** Of a process that is alone: nobody is told, and nothing is heard. */
export const unsharedCounts: SharedCounts = { openTaken: () => noteNothing, openHeld: () => noteNothing };

function noteNothing(): void {}

/** Keeps counts with the processes at the other end of `link`. */
export function createSharedCounts({ link, clock }: { link: CountLink; clock: Clock }): SharedCounts {
  const taken = new Map<string, TakenCounter>();
  const held = new Map<string, HeldCounter>();
  let isToldSoon = false;

  function tellSoon(): void {
    if (isToldSoon) return;
    isToldSoon = true;
    clock.setTimer(tellEveryMs, () => {
      isToldSoon = false;
      const news = { taken: [...taken.values()].flatMap(drain), held: [...held.values()].flatMap(drain) };
      if (news.taken.length + news.held.length > 0) link.tell(news);
    });
  }

  link.listen({
    onNews(from, news) {
      for (const [counter, key, units] of news.taken) taken.get(counter)?.onTaken(key, units);
      for (const [counter, key, units] of news.held) held.get(counter)?.hear(from, key, units);
    },
    onCome() {
      for (const counter of held.values()) counter.tellAll();
      tellSoon();
    },
    onGone(from) {
      for (const counter of held.values()) counter.forget(from);
    },
  });

  return {
    openTaken(name, onTaken) {
      const counter = addOnce(taken, name, createTakenCounter(name, onTaken));
      return (key, units) => {
        if (units === 0) return;
        counter.note(key, units);
        tellSoon();
      };
    },
    openHeld(name, onElsewhere) {
      const counter = addOnce(held, name, createHeldCounter(name, onElsewhere));
      return (key, change) => {
        if (change === 0) return;
        counter.note(key, change);
        tellSoon();
      };
    },
  };
}

interface TakenCounter {
  note(key: string, units: number): void;
  drain(): readonly Entry[];
  onTaken(key: string, units: number): void;
}

function createTakenCounter(name: string, onTaken: TakenCounter["onTaken"]): TakenCounter {
  const untold = new Map<string, number>();
  return {
    onTaken,
    note: (key, units) => void untold.set(key, (untold.get(key) ?? 0) + units),
    drain() {
      const entries = Array.from(untold, ([key, units]): Entry => [name, key, units]);
      untold.clear();
      return entries.filter(([, , units]) => units !== 0);
    },
  };
}

interface HeldCounter {
  note(key: string, change: number): void;
  drain(): readonly Entry[];
  hear(from: string, key: string, units: number): void;
  forget(from: string): void;
  /** All that is held here is told with the next news. */
  tellAll(): void;
}

function createHeldCounter(name: string, onElsewhere: (key: string, units: number) => void): HeldCounter {
  const here = new Map<string, number>();
  const changed = new Set<string>();
  const elsewhere = new Map<string, Map<string, number>>();
  const sumOf = (key: string) => [...elsewhere.values()].reduce((sum, of) => sum + (of.get(key) ?? 0), 0);

  return {
    note(key, change) {
      set(here, key, (here.get(key) ?? 0) + change);
      changed.add(key);
    },
    drain() {
      const entries = Array.from(changed, (key): Entry => [name, key, here.get(key) ?? 0]);
      changed.clear();
      return entries;
    },
    hear(from, key, units) {
      const of = elsewhere.get(from) ?? new Map<string, number>();
      elsewhere.set(from, of);
      set(of, key, units);
      onElsewhere(key, sumOf(key));
    },
    forget(from) {
      const keys = [...(elsewhere.get(from)?.keys() ?? [])];
      elsewhere.delete(from);
      for (const key of keys) onElsewhere(key, sumOf(key));
    },
    tellAll() {
      for (const key of here.keys()) changed.add(key);
    },
  };
}

function drain(counter: TakenCounter | HeldCounter): readonly Entry[] {
  return counter.drain();
}

function set(counts: Map<string, number>, key: string, units: number): void {
  if (units === 0) counts.delete(key);
  else counts.set(key, units);
}

function addOnce<Counter>(all: Map<string, Counter>, name: string, counter: Counter): Counter {
  if (all.has(name)) throw new TypeError(`the count ${name} is opened twice`);
  all.set(name, counter);
  return counter;
}
