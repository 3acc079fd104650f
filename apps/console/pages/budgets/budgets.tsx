import { useQueryClient } from "@tanstack/react-query";
import { Gauge, MoreHorizontal, Pencil, Plus, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { deleteBudget, listBudgets, resetUserQuota } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Menu, MenuItem } from "../../ui/menu.tsx";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { toast } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { Bar } from "./bar.tsx";
import { type Budget, scopes, shareOf, useAmount } from "./budget.ts";
import { useScopeNames } from "./names.ts";
import { ChangeBudget, SetBudget } from "./set-budget.tsx";
import { useBudgetTexts } from "./texts.ts";

type Open = { readonly what: "set" } | { readonly what: "change" | "remove" | "reset"; readonly budget: Budget };

const refreshMs = 15_000;

/** What the tenant, groups, people and keys may use, and what of it is used. */
export function Page() {
  const t = useBudgetTexts();
  const cache = useQueryClient();
  const maySet = useCan()("billing:budget");
  const nameOf = useNameOf();
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const refresh = () => cache.invalidateQueries({ queryKey: ["list", "budgets"] });
  const done = async () => {
    await refresh();
    close();
    toast(t("wasSet"));
  };
  const set = maySet && (
    <Button look="primary" onClick={() => setOpen({ what: "set" })}>
      <Plus aria-hidden className="size-4" />
      {t("set")}
    </Button>
  );
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={set} />
      <DataTable
        name="budgets"
        columns={useColumns(nameOf)}
        rowKey={({ id }) => id}
        load={(query, signal) => listBudgets({ query: { ...query, limit: 50 } as never }, { signal })}
        filters={[
          { name: "scope", label: t("scope"), options: scopes.map((one) => [one, t(`scope.${one}`)] as const) },
        ]}
        refreshMs={refreshMs}
        empty={
          <EmptyState icon={<Gauge aria-hidden className="size-5" />} title={t("emptyTitle")} action={set}>
            {t(maySet ? "empty" : "emptyMine")}
          </EmptyState>
        }
        {...(maySet && {
          actions: (budget: Budget) => <Actions budget={budget} name={nameOf(budget)} onOpen={setOpen} />,
        })}
      />
      {open?.what === "set" && <SetBudget onClose={close} onDone={done} />}
      {open?.what === "change" && (
        <ChangeBudget budget={open.budget} name={nameOf(open.budget)} onClose={close} onDone={done} />
      )}
      {open?.what === "remove" && <Remove budget={open.budget} onClose={close} onDone={refresh} />}
      {open?.what === "reset" && <Reset budget={open.budget} onClose={close} onDone={refresh} />}
    </>
  );
}

function useNameOf(): (budget: Budget) => string {
  const names = useScopeNames();
  return ({ scope, scope_id }) => names[scope].get(scope_id) ?? scope_id;
}

function Actions({
  budget,
  name,
  onOpen,
}: {
  readonly budget: Budget;
  readonly name: string;
  readonly onOpen: (open: Open) => void;
}) {
  const t = useBudgetTexts();
  const icon = "size-4";
  return (
    <Menu
      trigger={
        <IconButton label={t("actions", { name })}>
          <MoreHorizontal aria-hidden className="size-4" />
        </IconButton>
      }
    >
      <MenuItem icon={<Pencil aria-hidden className={icon} />} onSelect={() => onOpen({ what: "change", budget })}>
        {t("change")}
      </MenuItem>
      {budget.scope === "user" && (
        <MenuItem icon={<RotateCcw aria-hidden className={icon} />} onSelect={() => onOpen({ what: "reset", budget })}>
          {t("reset")}
        </MenuItem>
      )}
      <MenuItem
        isDanger
        icon={<Trash2 aria-hidden className={icon} />}
        onSelect={() => onOpen({ what: "remove", budget })}
      >
        {t("remove")}
      </MenuItem>
    </Menu>
  );
}

interface LossProps {
  readonly budget: Budget;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
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
        await onDone();
        toast(t("wasRemoved"));
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
        await onDone();
        toast(t("wasReset"));
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
          <span className="block font-medium wrap-anywhere">{nameOf(budget)}</span>
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
      ...{ id: "ends", title: t("ends"), csv: ({ reset_at }) => reset_at, sort: ({ reset_at }) => reset_at ?? "~" },
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
      cell: ({ updated_at }) => (
        <span className="whitespace-nowrap">
          <Time at={updated_at} />
        </span>
      ),
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
