import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type GetBalanceResponse, getBalance } from "../../api/gen/client.ts";
import { join } from "../../ui/join.ts";
import { Card, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { fromUnits, Money, Time } from "../../ui/values.tsx";
import { useWalletTexts } from "./texts.ts";

const refreshMs = 10_000;

/** What the tenant has now, and what of it may be spent. */
export function Balance() {
  const t = useWalletTexts();
  const { data, error, refetch } = useQuery({
    queryKey: ["balance"],
    queryFn: ({ signal }) => getBalance({}, { signal }),
    refetchInterval: refreshMs,
  });
  if (error && !data) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { currency } = data;
  const money = (nanos: string | bigint) => <Money nanos={nanos} currency={currency} />;
  const owed = fromUnits(data.owed);
  return (
    <>
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Figure name={t("available")} note={t("availableNote")} isMain>
          {money(data.available_nanos)}
        </Figure>
        <Figure name={t("balance")} note={t("balanceNote")}>
          {money(data.balance_nanos)}
        </Figure>
        <Figure name={t("held")} note={t("heldNote")}>
          {money(data.held_nanos)}
        </Figure>
        <Figure name={t("credit")} note={t(data.credit_limit_nanos === "0" ? "noCreditNote" : "creditNote")}>
          {money(data.credit_limit_nanos)}
        </Figure>
      </dl>
      {owed > 0n && (
        <p className="mt-3 rounded-lg bg-warn-soft px-3.5 py-2.5 text-warn">
          {t("owed")} <strong>{money(owed)}</strong>. {t("owedNote")}
        </p>
      )}
      {data.grants.length > 0 && <Grants balance={data} />}
    </>
  );
}

function Figure({
  name,
  note,
  isMain = false,
  children,
}: {
  readonly name: string;
  readonly note: string;
  readonly isMain?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div className="rounded-xl border border-line bg-surface px-4 py-3">
      <dt className="text-[13px] text-ink-soft">{name}</dt>
      <dd
        className={join(
          "mt-0.5 font-semibold tracking-tight wrap-anywhere",
          isMain ? "text-2xl text-accent-strong" : "text-xl",
        )}
      >
        {children}
      </dd>
      <dd className="mt-1 text-xs text-ink-soft">{note}</dd>
    </div>
  );
}

function Grants({ balance: { grants, granted, currency } }: { readonly balance: GetBalanceResponse }) {
  const t = useWalletTexts();
  return (
    <Card className="mt-3 px-4 py-3">
      <h2 className="text-[13px] font-medium">
        {t("granted")} <Money nanos={fromUnits(granted)} currency={currency} />
      </h2>
      <p className="text-xs text-ink-soft">{t("grantedNote")}</p>
      <ul className="mt-2 divide-y divide-line text-[13px]">
        {grants.map(({ id, left, expires_at }) => (
          <li key={id} className="flex flex-wrap justify-between gap-x-4 py-1.5">
            <Money nanos={fromUnits(left)} currency={currency} />
            <span className="text-ink-soft">
              {t("ends")} <Time at={expires_at} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
