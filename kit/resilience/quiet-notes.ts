import type { Clock } from "../service/clock.ts";
import { createLimiterEntries } from "./limiter-entries.ts";

/** What happens often and is to be told once in a while: noted where it happens, for next to nothing, and told by a job. */
export interface QuietNotes<Note> {
  /** Nothing while the same is noted already, or was told a short while ago. */
  note(key: string, note: Note): void;
  /**
   * Tells what is noted. `tell` says whether it has; where another process was before it, the same is asked for again soon. What
   * fails stays noted: rejects with the last error.
   */
  publish(tell: (note: Note) => Promise<boolean>): Promise<void>;
}

export interface QuietNotesOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Between two times that the same is told. */
  readonly quietMs: number;
  /** Until the same is asked for again that another process has told. */
  readonly againMs: number;
}

/** Remembers the 100,000 that were noted last. */
export function createQuietNotes<Note>({ clock, quietMs, againMs }: QuietNotesOptions): QuietNotes<Note> {
  const known = createLimiterEntries(() => ({ quietUntilMs: Number.NEGATIVE_INFINITY }));
  const noted = new Map<string, Note>();

  return {
    note(key, note) {
      if (noted.has(key) || clock.monotonicMs() < known.use(key).quietUntilMs) return;
      noted.set(key, note);
    },
    async publish(tell) {
      const failed: unknown[] = [];
      for (const [key, note] of noted) {
        try {
          const isTold = await tell(note);
          known.use(key).quietUntilMs = clock.monotonicMs() + (isTold ? quietMs : againMs);
          noted.delete(key);
        } catch (err) {
          failed.push(err);
        }
      }
      if (failed.length > 0) throw failed.at(-1);
    },
  };
}
