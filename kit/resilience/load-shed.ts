import { Failure } from "../errors/failure.ts";
import { loadShedFailures } from "./load-shed-failures.ts";

/** What work is for, the most urgent first: someone waits, something waits, nothing waits. */
export const priorities = ["interactive", "background", "batch"] as const;
export type Priority = (typeof priorities)[number];

/** How much the process itself suffers: at `high` only interactive work is let in, at `severe` none. */
export type Pressure = "none" | "high" | "severe";

export interface LoadShedOptions {
  /** Pieces of work that may be under way at a time; read at each admission, so it may come from an adaptive limit. */
  readonly limit: () => number;
  /** Percent of the limit that a priority always has. */
  readonly sharePercent?: Readonly<Record<Priority, number>>;
  /** Percent of the limit up to which a priority may fill the whole with work beyond its own share. */
  readonly borrowPercent?: Readonly<Record<Priority, number>>;
  readonly pressure?: () => Pressure;
  /** What refused callers are told to wait. */
  readonly retryAfterMs?: number;
}

/**
 * The lower priorities leave a tenth free, so that interactive work finds room at once; it may overbook by a fifth
 * rather than be refused while others hold what they borrowed.
 */
export const loadShedDefaults = {
  sharePercent: { interactive: 70, background: 20, batch: 10 },
  borrowPercent: { interactive: 120, background: 90, batch: 90 },
  retryAfterMs: 1_000,
} as const satisfies Omit<LoadShedOptions, "limit">;

export interface LoadShedStats {
  readonly inFlight: number;
  readonly byPriority: Readonly<Record<Priority, { readonly inFlight: number; readonly shed: number }>>;
}

export interface LoadShedder {
  /**
   * Lets work in and gives the function that ends it, of which only the first call counts. Throws the Failure
   * `load.overloaded` (503, with the time to wait) at once when there is no room: nothing ever queues here.
   */
  admit(priority: Priority): () => void;
  stats(): LoadShedStats;
}

/**
 * Sheds load by priority: each has its share of the limit whatever the others do, and borrows what they leave idle. At
 * most the limit and all shares, twice the limit, can ever be under way; after a burst it falls back by itself.
 */
export function createLoadShedder(options: LoadShedOptions): LoadShedder {
  const {
    limit,
    pressure = () => "none",
    sharePercent,
    borrowPercent,
    retryAfterMs,
  } = { ...loadShedDefaults, ...options };
  const inFlight: Record<Priority, number> = { interactive: 0, background: 0, batch: 0 };
  const shed: Record<Priority, number> = { interactive: 0, background: 0, batch: 0 };
  let total = 0;

  function hasRoom(priority: Priority): boolean {
    const current = pressure();
    if (current === "severe" || (current === "high" && priority !== "interactive")) return false;
    const places = limit();
    // At least one place each, or a small limit would starve the lowest priority for ever.
    if (inFlight[priority] < Math.max(1, (places * sharePercent[priority]) / 100)) return true;
    return total < (places * borrowPercent[priority]) / 100;
  }

  return {
    admit(priority) {
      if (!hasRoom(priority)) {
        shed[priority]++;
        const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
        throw new Failure(loadShedFailures.overloaded, { retryAfterSeconds }, { retryAfterMs });
      }
      inFlight[priority]++;
      total++;
      let isEnded = false;
      return () => {
        if (isEnded) return;
        isEnded = true;
        inFlight[priority]--;
        total--;
      };
    },
    stats: () => {
      const of = (priority: Priority) => ({ inFlight: inFlight[priority], shed: shed[priority] });
      return {
        inFlight: total,
        byPriority: { interactive: of("interactive"), background: of("background"), batch: of("batch") },
      };
    },
  };
}
