import { useLanguage } from "../../app/language.ts";
import { join } from "../../ui/join.ts";
import { Card } from "../../ui/page-parts.tsx";
import { formatDuration, formatMoney } from "../../ui/values.tsx";
import { Figure } from "./figure.tsx";
import { changeOf, type Figures, shareOfErrors, type Totals } from "./sums.ts";
import { useOverviewTexts } from "./texts.ts";

/** What the range came to, beside the one before it. */
export function TotalFigures({ total: { current, compared } }: { readonly total: Totals["total"] }) {
  const t = useOverviewTexts();
  const language = useLanguage();
  const format = useFormats();
  const before = compared ?? undefined;
  const tokens = (of: Figures) => of.input_tokens + of.output_tokens;
  const change = (of: (figures: Figures) => number | undefined, isCost?: boolean) => (
    <Change now={of(current)} past={before && of(before)} {...(isCost !== undefined && { isCost })} />
  );
  const p95 = (of: (figures: Figures) => number | undefined) => {
    const [now, past] = [of(current), before && of(before)];
    if (now === undefined) return "–";
    return (
      <>
        p95 {format.ms(now)} · <Change now={now} past={past} isCost isShort />
      </>
    );
  };
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">
      <Figure
        name={t("spend")}
        value={formatMoney(current.cost_nanos, language)}
        note={change((of) => Number(of.cost_nanos))}
      />
      <Figure name={t("calls")} value={format.short(current.calls)} note={change((of) => of.calls)} />
      <Figure name={t("tokens")} value={format.short(tokens(current))} note={change(tokens)} />
      <Figure name={t("errors")} value={format.share(shareOfErrors(current))} note={change(shareOfErrors, true)} />
      <Figure
        name={t("medianLatency")}
        value={format.ms(current.latency_ms?.p50)}
        note={p95((of) => of.latency_ms?.p95)}
      />
      <Figure
        name={t("medianFirstToken")}
        value={format.ms(current.first_token_ms?.p50)}
        note={p95((of) => of.first_token_ms?.p95)}
      />
    </dl>
  );
}

/** The groups of the range that cost most, each beside the range before. */
export function TotalTable({
  totals,
  by,
  nameOf,
}: {
  readonly totals: Totals;
  readonly by: string;
  readonly nameOf: (id: string) => string;
}) {
  const t = useOverviewTexts();
  const language = useLanguage();
  const format = useFormats();
  const amount = "h-11 px-4 text-right whitespace-nowrap tabular-nums";
  const head = "h-9 px-4 text-right text-xs font-medium whitespace-nowrap text-ink-soft";
  // On a phone they stand below the name and the amount.
  const [number, minorHead] = [`${amount} max-md:hidden`, `${head} max-md:hidden`];
  return (
    <Card className="overflow-hidden">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section className="relative overflow-x-auto" aria-label={t("byTitle", { by })} tabIndex={0}>
        <table className="w-full border-collapse text-sm">
          <thead>
            <tr className="border-b border-line">
              <th
                scope="col"
                className="h-9 px-4 text-left text-xs font-medium whitespace-nowrap text-ink-soft first-letter:uppercase"
              >
                {by}
              </th>
              <th scope="col" className={head}>
                {t("spend")}
              </th>
              <th scope="col" className={minorHead}>
                {t("change")}
              </th>
              <th scope="col" className={minorHead}>
                {t("calls")}
              </th>
              <th scope="col" className={minorHead}>
                {t("errors")}
              </th>
              <th scope="col" className={minorHead}>
                {t("latency")}
              </th>
              <th scope="col" className={minorHead}>
                {t("firstToken")}
              </th>
            </tr>
          </thead>
          <tbody>
            {totals.data.map(({ name, current, compared }) => (
              <tr key={name} className="border-b border-line last:border-0">
                <th scope="row" className="h-11 px-4 text-left font-medium max-md:py-2">
                  <span className="block max-w-64 wrap-anywhere">{nameOf(name)}</span>
                  <Below current={current} />
                </th>
                <td className={amount}>
                  {formatMoney(current.cost_nanos, language)}
                  <span className="block text-xs text-ink-soft md:hidden">
                    <SpendChange current={current} compared={compared} />
                  </span>
                </td>
                <td className={join(number, "text-ink-soft")}>
                  <SpendChange current={current} compared={compared} />
                </td>
                <td className={number}>{format.short(current.calls)}</td>
                <td className={number}>{format.share(shareOfErrors(current))}</td>
                <td className={number}>{format.both(current.latency_ms)}</td>
                <td className={number}>{format.both(current.first_token_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {totals.has_more && <p className="border-t border-line px-4 py-2 text-xs text-ink-soft">{t("more")}</p>}
    </Card>
  );
}

/** What has columns of its own on a desk. */
function Below({ current }: { readonly current: Figures }) {
  const t = useOverviewTexts();
  const format = useFormats();
  return (
    <span className="block text-xs font-normal text-ink-soft tabular-nums md:hidden">
      <span className="block">
        {t("calls")} {format.short(current.calls)} · {t("errors")} {format.share(shareOfErrors(current))}
      </span>
      <span className="block">
        {t("latency")} <span className="inline-block">{format.both(current.latency_ms)}</span>
      </span>
      <span className="block">
        {t("firstToken")} <span className="inline-block">{format.both(current.first_token_ms)}</span>
      </span>
    </span>
  );
}

function SpendChange({ current, compared }: Pick<Totals["data"][number], "current" | "compared">) {
  return <Change now={Number(current.cost_nanos)} past={compared ? Number(compared.cost_nanos) : undefined} isShort />;
}

const mostShare = 10;

/** How much more or less than before; worse in red where more is worse. */
function Change({
  now,
  past,
  isCost = false,
  isShort = false,
}: {
  readonly now: number | undefined;
  readonly past: number | undefined;
  readonly isCost?: boolean;
  readonly isShort?: boolean;
}) {
  const t = useOverviewTexts();
  const language = useLanguage();
  const share = changeOf(now, past);
  if (share === undefined) return <>–</>;
  const format = new Intl.NumberFormat(language, {
    ...{ style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" },
  });
  const times = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 0 });
  if (Math.abs(share) < 0.005) return <>{t("same")}</>;
  // A percentage of hardly anything says nothing.
  const change = share < mostShare ? format.format(share) : `×${times.format(share + 1)}`;
  const text = isShort ? change : `${change} ${t("versus")}`;
  return <span className={join(isCost && share > 0.05 && "text-bad")}>{text}</span>;
}

function useFormats() {
  const language = useLanguage();
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  return {
    short: (value: number) => short.format(value),
    share: (value: number | undefined) => (value === undefined ? "–" : percent.format(value)),
    ms: (value: number | undefined) => formatDuration(value, language),
    both: (value: Figures["latency_ms"]) =>
      value ? `${formatDuration(value.p50, language)} / ${formatDuration(value.p95, language)}` : "–",
  };
}
