import { Plus } from "lucide-react";
import { useState } from "react";
import { listPriceVersions } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useSearchState } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import { join } from "../../ui/join.ts";
import { Badge, Card, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { usePages } from "../../ui/use-pages.tsx";
import { formatDay, formatTime } from "../../ui/values.tsx";
import { NewVersion } from "./new-version.tsx";
import { compareTerms, type PriceVersion } from "./terms.ts";
import { usePriceTexts } from "./texts.ts";
import { usePriceWords } from "./words.ts";

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;

/** The versions that hold for all, and what changed from one to another. Which two, stands in the address. */
export function Versions({ provider, model }: { readonly provider: string; readonly model: string }) {
  const t = usePriceTexts();
  const [search, setSearch] = useSearchState();
  const language = useLanguage();
  const [isOpen, setOpen] = useState(false);
  const {
    rows: versions,
    error,
    refetch,
    more,
  } = usePages(["price-versions", provider, model], (cursor, signal) =>
    listPriceVersions({ query: { provider, model, limit: 100, cursor } }, { signal }),
  );
  if (error && !versions) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!versions) return <Loading />;
  const current = currentOf(versions);
  const find = (id: string | undefined, otherwise: PriceVersion | undefined) =>
    versions.find((one) => one.id === id) ?? otherwise;
  const after = find(search["after"], versions[0]);
  const before = find(search["before"], versions[1] ?? versions[0]);
  return (
    <>
      <Card className="p-5">
        <div className="flex items-center justify-between gap-3">
          <h2 className="font-semibold">{t("versions")}</h2>
          {current && (
            <Button size="small" onClick={() => setOpen(true)}>
              <Plus aria-hidden className="size-3.5" />
              {t("new")}
            </Button>
          )}
        </div>
        <p className="mt-0.5 text-[13px] text-ink-soft">{t("versionsHint")}</p>
        <ul className="mt-3 divide-y divide-line">
          {versions.map((version) => (
            <li key={version.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
              <span className="font-medium">{t("version", { number: version.version })}</span>
              {version === current && <Badge tone="good">{t("inForce")}</Badge>}
              {!version.in_force && <Badge tone="warn">{t("planned")}</Badge>}
              <Badge>{t(`origin.${version.origin}`)}</Badge>
              <span className="text-[13px] text-ink-soft">
                {t("since")} {formatTime(version.effective_at, language)}
              </span>
            </li>
          ))}
        </ul>
        {more}
      </Card>
      {isOpen && current && <NewVersion version={current} onClose={() => setOpen(false)} />}
      {before && after && versions.length > 1 && (
        <Card className="p-5">
          <h2 className="font-semibold">{t("diff")}</h2>
          <div className="mt-3 grid gap-3 sm:grid-cols-2">
            <Pick
              label={t("from")}
              {...{ versions, value: before.id }}
              onChange={(id) => setSearch({ before: id }, { replaces: true })}
            />
            <Pick
              label={t("to")}
              {...{ versions, value: after.id }}
              onChange={(id) => setSearch({ after: id }, { replaces: true })}
            />
          </div>
          <Differences before={before} after={after} />
        </Card>
      )}
    </>
  );
}

/** Of those whose time has come, the one that came last. */
function currentOf(versions: readonly PriceVersion[]): PriceVersion | undefined {
  const begun = versions.filter((version) => version.in_force);
  return begun.toSorted((a, b) => Date.parse(b.effective_at) - Date.parse(a.effective_at) || b.version - a.version)[0];
}

function Pick({
  label,
  versions,
  value,
  onChange,
}: {
  readonly label: string;
  readonly versions: readonly PriceVersion[];
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  const t = usePriceTexts();
  const language = useLanguage();
  return (
    <label className="block text-[13px] font-medium">
      {label}
      <select
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="mt-1.5 h-9 w-full rounded-md border border-line-strong/60 bg-surface px-2.5 text-sm font-normal"
      >
        {versions.map(({ id, version, effective_at }) => (
          <option key={id} value={id}>
            {t("version", { number: version })} · {formatDay(effective_at, language)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Differences({ before, after }: { readonly before: PriceVersion; readonly after: PriceVersion }) {
  const t = usePriceTexts();
  const { nameOf, priceOf, unitOf, markupOf } = usePriceWords();
  const language = useLanguage();
  const percent = new Intl.NumberFormat(language, {
    ...{ style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" },
  });
  const changed = compareTerms(before.terms, after.terms).filter((one) => one.before !== one.after);
  const [oldMarkup, newMarkup] = [before.terms.markup_ppm, after.terms.markup_ppm];
  if (changed.length === 0 && oldMarkup === newMarkup) return <p className="mt-4 text-ink-soft">{t("same")}</p>;
  return (
    <section className="relative mt-4 overflow-x-auto" aria-label={t("diff")} tabIndex={scrollStop}>
      <table className="w-full text-sm">
        <thead>
          <tr className="border-b border-line text-left text-xs text-ink-soft [&_th]:h-8 [&_th]:pr-4 [&_th]:font-medium [&_th]:whitespace-nowrap">
            <th scope="col">{t("what")}</th>
            <th scope="col">{t("from")}</th>
            <th scope="col">{t("to")}</th>
            <th scope="col">{t("change")}</th>
          </tr>
        </thead>
        <tbody className="[&_td]:py-2 [&_td]:pr-4 [&_tr]:border-b [&_tr]:border-line [&_tr:last-child]:border-0">
          {changed.map(({ term, before: old, after: now }) => (
            <tr key={term.key}>
              <td>
                {nameOf(term)}
                <span className="block text-xs text-ink-soft">{unitOf(term)}</span>
              </td>
              <td className="text-ink-soft tabular-nums">
                {old === undefined ? "–" : priceOf(old, term, before.currency)}
              </td>
              <td className="tabular-nums">{now === undefined ? "–" : priceOf(now, term, after.currency)}</td>
              <td className={join("tabular-nums", toneOf(old, now))}>
                {old === undefined && t("added")}
                {now === undefined && t("removed")}
                {old !== undefined &&
                  now !== undefined &&
                  (Number(old) === 0 ? "–" : percent.format(Number(now) / Number(old) - 1))}
              </td>
            </tr>
          ))}
          {oldMarkup !== newMarkup && (
            <tr>
              <td>{t("markup")}</td>
              <td className="text-ink-soft tabular-nums">{markupOf(oldMarkup)}</td>
              <td className="tabular-nums">{markupOf(newMarkup)}</td>
              <td />
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

/** Dearer is bad news, cheaper is good; what is new or gone is neither. */
function toneOf(before: string | undefined, after: string | undefined): string {
  if (before === undefined || after === undefined) return "text-ink-soft";
  return BigInt(after) > BigInt(before) ? "text-bad" : "text-good";
}
