import { useSeriesColor } from "./palette.ts";

export interface Share {
  readonly name: string;
  /** With its unit. */
  readonly text: string;
  /** From 0 to 1. */
  readonly part: number;
  /** Its colour in the palette. */
  readonly tone: number;
}

/** A colour in which a chart draws. */
export function SeriesDot({ tone }: { readonly tone: number }) {
  const colorOf = useSeriesColor();
  return <span aria-hidden className="size-2 shrink-0 rounded-full" style={{ background: colorOf(tone) }} />;
}

/** What the series of a chart beside came to, in its colours. */
export function Shares({ shares }: { readonly shares: readonly Share[] }) {
  const colorOf = useSeriesColor();
  return (
    <ul className="space-y-2.5 text-[13px]">
      {shares.map(({ name, text, part, tone }) => (
        <li key={name}>
          <div className="flex items-center gap-2">
            <SeriesDot tone={tone} />
            <span className="min-w-0 flex-1 wrap-anywhere">{name}</span>
            <span className="text-ink-soft tabular-nums">{text}</span>
          </div>
          <div aria-hidden className="mt-1 h-1 overflow-hidden rounded-full bg-sunken">
            <div className="h-full rounded-full" style={{ width: `${100 * part}%`, background: colorOf(tone) }} />
          </div>
        </li>
      ))}
    </ul>
  );
}
