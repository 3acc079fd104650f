import type { ListPricesResponse, ListPriceVersionsResponse } from "../../api/gen/client.ts";

export type Price = ListPricesResponse["data"][number];
export type PriceVersion = ListPriceVersionsResponse["data"][number];
type Terms = Price["terms"];

/** One thing that a price says: which bucket, when it holds, and how much. */
export interface Term {
  readonly key: string;
  readonly bucket: string;
  readonly when:
    | { readonly kind: "always" }
    | { readonly kind: "above"; readonly tokens: string }
    | { readonly kind: "mode"; readonly mode: string }
    | { readonly kind: "modeAbove"; readonly mode: string; readonly tokens: string }
    | { readonly kind: "between"; readonly from: string; readonly to: string };
  readonly nanos: string;
}

/** A price as lines, in the order in which they are read. */
export function toTerms({ rates, tiers, modes, windows }: Terms): readonly Term[] {
  const lines = (of: Readonly<Record<string, string>>, name: string, when: Term["when"]) =>
    Object.entries(of).map(([bucket, nanos]): Term => ({ key: `${name} ${bucket}`, bucket, when, nanos }));
  return [
    ...lines(rates, "always", { kind: "always" }),
    ...tiers.flatMap(({ above_input_tokens: tokens, rates: ofTier }) =>
      lines(ofTier, `above ${tokens}`, { kind: "above", tokens }),
    ),
    ...Object.entries(modes).flatMap(([mode, ofMode]) => lines(ofMode, `mode ${mode}`, { kind: "mode", mode })),
    ...tiers.flatMap(({ above_input_tokens: tokens, modes: ofTier }) =>
      Object.entries(ofTier).flatMap(([mode, ofMode]) =>
        lines(ofMode, `above ${tokens} mode ${mode}`, { kind: "modeAbove", mode, tokens }),
      ),
    ),
    ...windows.flatMap(({ from_minute, to_minute, rates: ofWindow }) => {
      const [from, to] = [toClock(from_minute), toClock(to_minute)];
      return lines(ofWindow, `between ${from} ${to}`, { kind: "between", from, to });
    }),
  ];
}

function toClock(minute: number): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${pad(Math.floor(minute / 60) % 24)}:${pad(minute % 60)}`;
}

export interface Difference {
  readonly term: Term;
  /** Undefined where the version says nothing of it. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Every line of two versions, side by side. */
export function compareTerms(before: Terms, after: Terms): readonly Difference[] {
  const [old, now] = [toTerms(before), toTerms(after)];
  const known = new Map([...old, ...now].map((term) => [term.key, term]));
  const rateIn = (terms: readonly Term[], key: string) => terms.find((term) => term.key === key)?.nanos;
  return [...known.values()].map((term) => ({
    term,
    before: rateIn(old, term.key),
    after: rateIn(now, term.key),
  }));
}
