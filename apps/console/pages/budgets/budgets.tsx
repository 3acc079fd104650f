import { Gauge, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { deleteBudget, resetUserQuota } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { Bar } from "./bar.tsx";
import { type Budget, periods, scopes, shareOf, units, useAmount } from "./budget.ts";
import { useScopeNames } from "./names.ts";
import { useLoad } from "./search.ts";
import { ChangeBudget, SetBudget } from "./set-budget.tsx";
import { useBudgetTexts } from "./texts.ts";

type Open = { readonly what: "set" } | { readonly what: "change" | "remove" | "reset"; readonly budget: Budget };

const refreshMs = 15_000;

/** What the tenant, groups, people and keys may use, and what of it is used. */
export function Page() {
  const t = useBudgetTexts();
  const maySet = useCan()("billing:budget");
  const nameOf = useNameOf();
  const { open, setOpen, close, changed } = useListDialog<Open>("budgets");
  const done = async () => {
    await changed(t("wasSet"));
    close();
  };
  const set = maySet && <AddButton text={t("set")} onClick={() => setOpen({ what: "set" })} />;
  const actions = (budget: Budget) => (
    <RowMenu
      label={t("actions", { name: nameOf(budget) })}
      acts={[
        { text: t("change"), icon: Pencil, act: () => setOpen({ what: "change", budget }) },
        budget.scope === "user" && { text: t("reset"), icon: RotateCcw, act: () => setOpen({ what: "reset", budget }) },
        { text: t("remove"), icon: Trash2, isDanger: true, act: () => setOpen({ what: "remove", budget }) },
      ]}
    />
  );
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={set} />
      <DataTable
        name="budgets"
        columns={useColumns(nameOf)}
        rowKey={({ id }) => id}
        load={useLoad()}
        searchField="q"
        filters={[
          { name: "scope", label: t("scope"), options: scopes.map((one) => [one, t(`scope.${one}`)] as const) },
          { name: "unit", label: t("unit"), options: units.map((one) => [one, t(`unit.${one}`)] as const) },
          { name: "period", label: t("period"), options: periods.map((one) => [one, t(`period.${one}`)] as const) },
        ]}
        refreshMs={refreshMs}
        empty={
          <EmptyState icon={<Gauge aria-hidden className="size-5" />} title={t("emptyTitle")} action={set}>
            {t(maySet ? "empty" : "emptyMine")}
          </EmptyState>
        }
        {...(maySet && { actions })}
      />
      {open?.what === "set" && <SetBudget onClose={close} onDone={done} />}
      {open?.what === "change" && (
        <ChangeBudget budget={open.budget} name={nameOf(open.budget)} onClose={close} onDone={done} />
      )}
      {open?.what === "remove" && <Remove budget={open.budget} onClose={close} onDone={changed} />}
      {open?.what === "reset" && <Reset budget={open.budget} onClose={close} onDone={changed} />}
    </>
  );
}

function useNameOf(): (budget: Budget) => string {
  const names = useScopeNames();
  return ({ scope, scope_id }) => names[scope].get(scope_id) ?? scope_id;
}

interface LossProps {
  readonly budget: Budget;
  readonly onClose: () => void;
  readonly onDone: (said: string) => Promise<void>;
}

function Remove({ budget, onClose, onDone }: LossProps) {
  const t = useBudgetTexts();
  const amount = useAmount();
  const name = useNameOf()(budget);
  const { id, unit, period, limit, used } = budget;
  const counts = t(`counts.${unit}.${period}`);
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={t("removeTitle", { name })}
      losses={[
        t("removeLoss1", { limit: amount(limit, unit), counts }),
        t("removeLoss2", { used: amount(used, unit) }),
      ]}
      act={t("remove")}
      onConfirm={async () => {
        await deleteBudget({ path: { id } });
        await onDone(t("wasRemoved"));
      }}
    />
  );
}

function Reset({ budget, onClose, onDone }: LossProps) {
  const t = useBudgetTexts();
  const name = useNameOf()(budget);
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={t("resetTitle", { name })}
      losses={[t("resetLoss1"), t("resetLoss2")]}
      act={t("reset")}
      onConfirm={async () => {
        await resetUserQuota({ path: { user_id: budget.scope_id } });
        await onDone(t("wasReset"));
      }}
    />
  );
}

function useColumns(nameOf: (budget: Budget) => string): readonly Column<Budget>[] {
  const t = useBudgetTexts();
  return [
    {
      ...{ id: "of", title: t("of"), csv: nameOf, sort: nameOf },
      cell: (budget) => (
        <>
          <span className="block min-w-28 font-medium wrap-anywhere">{nameOf(budget)}</span>
          <span className="block text-xs text-ink-soft">{t(`scope.${budget.scope}`)}</span>
        </>
      ),
    },
    {
      ...{ id: "each", title: t("each"), csv: ({ unit, period }) => t(`counts.${unit}.${period}`), isMinor: true },
      sort: ({ unit, period }) => `${unit} ${period}`,
      cell: ({ unit, period }) => <span className="whitespace-nowrap">{t(`counts.${unit}.${period}`)}</span>,
    },
    {
      ...{ id: "used", title: t("used"), csv: ({ used, limit }) => `${used} / ${limit}`, sort: shareOf },
      cell: (budget) => (
        <>
          <span className="mb-1 block text-xs text-ink-soft md:hidden">
            {t(`counts.${budget.unit}.${budget.period}`)}
          </span>
          <Bar budget={budget} />
        </>
      ),
    },
    {
      ...{ id: "ends", title: t("ends"), csv: ({ reset_at }) => reset_at, isMinor: true },
      sort: ({ reset_at }) => reset_at ?? "~",
      cell: ({ reset_at, time_zone }) => <Ends at={reset_at} zone={time_zone} />,
    },
    {
      ...{ id: "alerts", title: t("alerts"), csv: ({ alert_percents }) => alert_percents.join(" "), isMinor: true },
      cell: ({ alert_percents }) => (
        <span className="whitespace-nowrap text-ink-soft tabular-nums">
          {alert_percents.map((percent) => `${percent}%`).join(", ")}
        </span>
      ),
    },
    {
      ...{ id: "changed", title: t("changed"), isMinor: true },
      ...{ csv: ({ updated_at }) => updated_at, sort: ({ updated_at }) => updated_at },
      cell: ({ updated_at }) => <Time at={updated_at} />,
    },
  ];
}

/** The time, and the zone of the budget's own calendar. */
function Ends({ at, zone }: { readonly at: string | null; readonly zone: string }) {
  const t = useBudgetTexts();
  return (
    <span className="whitespace-nowrap">
      <Time at={at} none={t("noEnd")} />
      {at !== null && <span className="block text-xs text-ink-soft">{zone}</span>}
    </span>
  );
}
