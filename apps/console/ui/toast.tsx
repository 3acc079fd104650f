import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Problem } from "../api/problem.ts";
import { ProblemFacts } from "./problem-facts.tsx";
import { useUiTexts } from "./texts.ts";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "good" | "bad";
  /** Where it is found in logs, and explained. */
  readonly problem?: Problem;
}

const shownMs = { good: 4_000, bad: 9_000 } as const;
let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says for a moment what has happened; screen readers read it out. */
export function toast(text: string, kind: Toast["kind"] = "good", problem?: Problem): void {
  const id = ++lastId;
  set([...toasts.slice(-2), { id, text, kind, ...(problem && { problem }) }]);
  setTimeout(() => dismiss(id), shownMs[kind]);
}

/** Says what went wrong with something that has no place of its own on the page. */
export function toastProblem(err: unknown): void {
  toast(err instanceof Error ? err.message : String(err), "bad", err instanceof Problem ? err : undefined);
}

function dismiss(id: number): void {
  set(toasts.filter((one) => one.id !== id));
}

export function Toasts() {
  const t = useUiTexts();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-3 z-[60] flex max-md:top-17 md:bottom-3 flex-col items-end gap-2"
    >
      {shown.map(({ id, text, kind, problem }) => (
        <div
          key={id}
          className="appear pointer-events-auto flex w-full max-w-sm items-start gap-2.5 rounded-lg border border-line bg-surface py-2.5 pr-1.5 pl-3.5 text-sm shadow-float"
        >
          {kind === "good" ? (
            <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />
          ) : (
            <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
          )}
          <div className="min-w-0 flex-1">
            <p className="wrap-anywhere">{text}</p>
            {problem && <ProblemFacts problem={problem} />}
          </div>
          <button
            type="button"
            aria-label={t("dismiss")}
            className="grid size-6 place-items-center rounded-md text-ink-soft hover:bg-sunken"
            onClick={() => dismiss(id)}
          >
            <X aria-hidden className="size-3.5" />
          </button>
        </div>
      ))}
    </div>
  );
}
