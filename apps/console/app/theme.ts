import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";

const stored = "lyss.theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

/** What the person has chosen. */
export function theme(): Theme {
  const wanted = localStorage.getItem(stored);
  return wanted === "light" || wanted === "dark" ? wanted : "system";
}

export function setTheme(wanted: Theme): void {
  localStorage.setItem(stored, wanted);
  apply();
}

function apply(): void {
  const isDark = theme() === "dark" || (theme() === "system" && prefersDark.matches);
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  for (const listener of listeners) listener();
}

prefersDark.addEventListener("change", apply);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, theme);
}

/** Light or dark, as it is shown. */
export function useShownTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () =>
    document.documentElement.dataset["theme"] === "dark" ? "dark" : "light",
  );
}
