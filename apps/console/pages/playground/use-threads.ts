import { useCallback, useEffect, useRef, useState } from "react";
import { type Answer, begunAnswer, type Message, type Turn, toMessages } from "./answer.ts";
import { runChat, runImage } from "./run-model.ts";
import type { SetUp } from "./set-up.ts";

/** The conversations side by side, by the place of their model. */
export type Threads = readonly (readonly Turn[])[];

/** Holds the conversations, and has each model go on with its own. What is under way ends with the page. */
export function useThreads() {
  const [threads, setThreads] = useState<Threads>([]);
  const control = useRef(new AbortController());
  const told = useRef(new Map<number, Answer>());
  const frame = useRef(0);
  useEffect(
    () => () => {
      control.current.abort();
      cancelAnimationFrame(frame.current);
    },
    [],
  );

  /** Pieces come faster than a screen is drawn. */
  const tell = useCallback((place: number, answer: Answer) => {
    told.current.set(place, answer);
    cancelAnimationFrame(frame.current);
    const show = () => {
      const fresh = new Map(told.current);
      told.current.clear();
      setThreads((before) => before.map((turns, at) => withAnswer(turns, fresh.get(at))));
    };
    // The last word is not for a tab that is looked at alone.
    if (answer.isRunning) frame.current = requestAnimationFrame(show);
    else show();
  }, []);

  const isRunning = threads.some((turns) => turns.at(-1)?.answer.isRunning);

  /** Goes on with the conversations at these places, or begins them anew. */
  const ask = async (setUp: SetUp, said: ReadonlyMap<number, readonly Message[]>, { begins = false } = {}) => {
    if (!isRunning) control.current = new AbortController();
    const { signal } = control.current;
    const before = (place: number) => (begins ? [] : (threads[place] ?? []));
    setThreads(
      setUp.models.map((_model, place) => {
        const more = said.get(place);
        return more ? [...before(place), { said: more, answer: begunAnswer }] : before(place);
      }),
    );
    await Promise.all(
      [...said].map(async ([place, more]) => {
        const model = setUp.models[place] ?? "";
        const answered = (answer: Answer) => tell(place, answer);
        if (setUp.kind === "image") {
          const prompt = String(more.at(-1)?.content ?? "");
          await runImage({ model, setUp, prompt }, signal, answered);
        } else await runChat({ model, setUp, messages: [...toMessages(before(place)), ...more] }, signal, answered);
      }),
    );
  };
  return { threads, isRunning, ask, stop: () => control.current.abort(), clear: () => setThreads([]) };
}

function withAnswer(turns: readonly Turn[], answer: Answer | undefined): readonly Turn[] {
  const last = turns.at(-1);
  return last && answer ? [...turns.slice(0, -1), { ...last, answer }] : turns;
}
