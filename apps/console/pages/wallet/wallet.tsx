import { useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Plus } from "lucide-react";
import { useEffect, useState } from "react";
import { useLanguage } from "../../app/language.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Card, PageHeader } from "../../ui/page-parts.tsx";
import { Balance } from "./balance.tsx";
import { Entries } from "./entries.tsx";
import { Month } from "./month.tsx";
import { formatMonth, months } from "./months.ts";
import { Orders } from "./orders.tsx";
import { useWalletTexts } from "./texts.ts";
import { TopUp } from "./top-up.tsx";

const shown = ["entries", "orders"] as const;

/** What the tenant has, what of it went where, and how more comes in. */
export function Page() {
  const t = useWalletTexts();
  const can = useCan();
  const cache = useQueryClient();
  const language = useLanguage();
  const [isOpen, setOpen] = useState(false);
  const [search, setSearch] = useSearchState();
  const known = months();
  const month = known.find((one) => one === search["month"]) ?? known[0] ?? "";
  const show = shown.find((one) => one === search["show"]) ?? "entries";
  const refresh = async () => {
    await Promise.all([["balance"], ["list"]].map((queryKey) => cache.invalidateQueries({ queryKey })));
  };
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          can("billing:top_up") && (
            <Button look="primary" onClick={() => setOpen(true)}>
              <Plus aria-hidden className="size-4" />
              {t("topUp")}
            </Button>
          )
        }
      />
      {search["paid"] !== undefined && <Paid />}
      <Balance />
      <div className="mt-8 mb-3 flex flex-wrap items-center justify-between gap-3">
        <h2 className="text-base font-semibold">{formatMonth(month, language)}</h2>
        <label className="flex items-center gap-2 text-[13px] text-ink-soft">
          {t("month")}
          <select
            value={month}
            onChange={(event) =>
              setSearch({ month: event.target.value === known[0] ? undefined : event.target.value, cursor: undefined })
            }
            className="h-8 rounded-md border border-line-strong/60 bg-surface px-2 text-sm text-ink"
          >
            {known.map((one) => (
              <option key={one} value={one}>
                {formatMonth(one, language)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Month month={month} />
      <div className="mt-6 mb-3 flex">
        <Choice
          label={t("show")}
          value={show}
          options={shown.map((one) => [one, t(one)])}
          onChange={(value) => setSearch({ ...{ show: value, cursor: undefined, sort: undefined }, ...notOfBoth })}
        />
      </div>
      {show === "entries" ? <Entries key={month} month={month} /> : <Orders />}
      {isOpen && <TopUp onClose={() => setOpen(false)} onDone={refresh} />}
    </>
  );
}

/** What one of the lists is narrowed by is nothing to the other. */
const notOfBoth = { category: undefined, q: undefined, state: undefined, number: undefined };

/** Who comes back from the checkout is often here before the payment is told of. */
function Paid() {
  const t = useWalletTexts();
  const [, setSearch] = useSearchState();
  const cache = useQueryClient();
  useEffect(() => {
    const timer = setInterval(() => {
      void cache.invalidateQueries({ queryKey: ["balance"] });
      void cache.invalidateQueries({ queryKey: ["list", "orders"] });
    }, 3_000);
    return () => clearInterval(timer);
  }, [cache]);
  return (
    <Card className="mb-4 flex items-start gap-2.5 px-4 py-3">
      <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />
      <p role="status" className="min-w-0 flex-1">
        {t("paidHint")}
      </p>
      <Button size="small" look="ghost" onClick={() => setSearch({ paid: undefined }, { replaces: true })}>
        {t("understood")}
      </Button>
    </Card>
  );
}
