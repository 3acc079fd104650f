import { useSeriesColor } from "./palette.ts";

export interface Share {
  readonly name: string;
  /** With its unit. */
  readonly text: string;
  /** From 0 to 1. */
  readonly part: number;
}

/** The colour in which a chart draws its nth series. */
export function SeriesDot({ at }: { readonly at: number }) {
  const colorOf = useSeriesColor();
  return <span aria-hidden className="size-2 shrink-0 rounded-full" style={{ background: colorOf(at) }} />;
}

/** What the series of a chart beside came to, in its colours; those beyond the last series have the colour of that. */
export function Shares({ shares, seriesCount }: { readonly shares: readonly Share[]; readonly seriesCount: number }) {
  const colorOf = useSeriesColor();
  return (
    <ul className="space-y-2.5 text-[13px]">
      {shares.map(({ name, text, part }, index) => {
        const at = Math.min(index, seriesCount - 1);
        return (
          <li key={name}>
            <div className="flex items-center gap-2">
              <SeriesDot at={at} />
              <span className="min-w-0 flex-1 truncate" title={name}>
                {name}
              </span>
              <span className="text-ink-soft tabular-nums">{text}</span>
            </div>
            <div aria-hidden className="mt-1 h-1 overflow-hidden rounded-full bg-sunken">
              <div className="h-full rounded-full" style={{ width: `${100 * part}%`, background: colorOf(at) }} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}
