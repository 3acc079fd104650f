import { useQueryClient } from "@tanstack/react-query";
import { Gift } from "lucide-react";
import { type ReactNode, useState } from "react";
import { createGrant, type ListGrantsResponse, listGrants, refundCall, setCreditLimit } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useNames } from "../../app/people/use-names.ts";
import type { Tenant } from "../../app/tenants/tenant-status.tsx";
import { useTenantTexts } from "../../app/tenants/texts.ts";
import { useTenants } from "../../app/tenants/use-tenants.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { endOfDay, toDay } from "../../ui/days.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { EmptyState } from "../../ui/page-parts.tsx";
import { toast } from "../../ui/toast.tsx";
import { Money as Amount, formatMoney, fromUnits, Time } from "../../ui/values.tsx";

type Grant = ListGrantsResponse["data"][number];
type Open = "grant" | "credit" | "refundCall";

const list = "grants-of-tenant";
const currency = "USD";
const grantDays = 30;
const dayMs = 86_400_000;
const decimal = { inputMode: "decimal", pattern: "\\d{1,9}(\\.\\d{1,9})?", autoComplete: "off" } as const;

/** What operators give an organisation, and give back to it. */
export function Money({ tenant }: { readonly tenant: Tenant }) {
  const t = useTenantTexts();
  const [open, setOpen] = useState<Open>();
  const { id } = tenant;
  const close = () => setOpen(undefined);
  return (
    <section>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-3">
        <p className="text-[13px] text-ink-soft">{t("moneyHint")}</p>
        <div className="flex flex-wrap gap-2">
          {(["grant", "credit", "refundCall"] as const).map((one) => (
            <Button key={one} size="small" onClick={() => setOpen(one)}>
              {t(one)}
            </Button>
          ))}
        </div>
      </div>
      <DataTable
        name={list}
        of={id}
        columns={useColumns()}
        rowKey={(grant) => grant.id}
        load={grantsOf(id)}
        searchField="q"
        filters={[{ name: "state", label: t("status"), options: states.map((one) => [one, t(one)] as const) }]}
        empty={
          <EmptyState icon={<Gift aria-hidden className="size-5" />} title={t("grantsEmptyTitle")}>
            {t("grantsEmpty")}
          </EmptyState>
        }
      />
      {open === "grant" && <GrantCredit tenant={tenant} onClose={close} />}
      {open === "credit" && <CreditLine tenant={tenant} onClose={close} />}
      {open === "refundCall" && <RefundCall onClose={close} />}
    </section>
  );
}

const states = ["open", "ended"] as const;

function grantsOf(tenant_id: string) {
  return narrowHere(
    ["q", "state"],
    (query, signal) => listGrants({ path: { tenant_id }, query: { limit: 50, ...query } as never }, { signal }),
    ({ reason, reference, ended_at }: Grant, { q, state }) =>
      has([reason, reference], q) && (!state || (state === "ended") === (ended_at !== null)),
  );
}

interface Given {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

/** A form about money: it counts once, however often it is sent. Its last field asks why. */
function MoneyForm({
  title,
  hint,
  act,
  onSend,
  onClose,
  children,
}: {
  readonly title: string;
  readonly hint: string;
  readonly act: string;
  /** Does it, and says what was done. */
  readonly onSend: (values: FormValues, cause: { reference: string; reason: string }) => Promise<string>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const t = useTenantTexts();
  const cache = useQueryClient();
  const [reference] = useState(() => crypto.randomUUID());
  return (
    <Dialog isOpen onClose={onClose} closesOutside={false} title={title} description={hint}>
      <Form
        onSend={async (values) => {
          toast(await onSend(values, { reference, reason: values["reason"] ?? "" }));
          await cache.invalidateQueries({ queryKey: ["list", list] });
          onClose();
        }}
      >
        {children}
        <TextField
          {...{ name: "reason", label: t("reason"), hint: t("bookHint"), maxLength: 500, autoComplete: "off" }}
          required
        />
        <FormButtons act={act} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

function GrantCredit({ tenant: { id, name }, onClose }: Given) {
  const t = useTenantTexts();
  const language = useLanguage();
  const [today] = useState(() => Date.now());
  return (
    <MoneyForm
      title={t("grantTitle", { name })}
      hint={t("grantHint")}
      act={t("grant")}
      onClose={onClose}
      onSend={async ({ amount = "", expires_at }, cause) => {
        const ends = endOfDay(expires_at) ?? "";
        await createGrant({ path: { tenant_id: id }, body: { amount, expires_at: ends, ...cause } });
        return t("wasGranted", { name, amount: formatMoney(fromUnits(amount), language, currency) });
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          {...decimal}
          name="amount"
          label={t("amount", { currency })}
          title={t("amountTitle")}
          required
          autoFocus
        />
        <TextField
          {...{ name: "expires_at", type: "date", label: t("ends") }}
          defaultValue={toDay(new Date(today + grantDays * dayMs).toISOString())}
          min={toDay(new Date(today).toISOString())}
          required
        />
      </div>
    </MoneyForm>
  );
}

function CreditLine({ tenant: { id, name }, onClose }: Given) {
  const t = useTenantTexts();
  const language = useLanguage();
  const format = (units: string) => formatMoney(fromUnits(units), language, currency);
  return (
    <MoneyForm
      title={t("creditTitle", { name })}
      hint={t("creditHint")}
      act={t("save")}
      onClose={onClose}
      onSend={async ({ limit = "" }, cause) => {
        const set = await setCreditLimit({ path: { tenant_id: id }, body: { limit, ...cause } });
        return t("wasLimited", { amount: format(set.limit), before: format(set.before) });
      }}
    >
      <TextField
        {...decimal}
        name="limit"
        label={t("amount", { currency })}
        title={t("amountTitle")}
        required
        autoFocus
      />
    </MoneyForm>
  );
}

/** Of whichever organisation has paid for it: its number tells. */
function RefundCall({ onClose }: Pick<Given, "onClose">) {
  const t = useTenantTexts();
  const language = useLanguage();
  const { nameOf } = useTenants();
  return (
    <MoneyForm
      title={t("refundTitle")}
      hint={t("refundHint")}
      act={t("refundCall")}
      onClose={onClose}
      onSend={async ({ id = "", amount }, cause) => {
        const refund = await refundCall({ path: { id }, body: { amount, ...cause } });
        const said = {
          amount: formatMoney(fromUnits(refund.amount), language, currency),
          name: nameOf(refund.tenant_id),
        };
        return t("wasRefunded", said);
      }}
    >
      <TextField
        {...{ name: "id", label: t("call"), hint: t("callHint"), pattern: "call_[0-9a-z]{20,40}", maxLength: 64 }}
        {...{ title: t("callHint"), autoComplete: "off", className: "font-mono" }}
        required
        autoFocus
      />
      <TextField
        {...decimal}
        {...{ name: "amount", label: t("refundAmount", { currency }), hint: t("refundAmountHint") }}
        title={t("amountTitle")}
        isOptional
      />
    </MoneyForm>
  );
}

function useColumns(): readonly Column<Grant>[] {
  const t = useTenantTexts();
  const nameOf = useNames([]);
  return [
    {
      ...{ id: "reason", title: t("reason"), csv: ({ reason }) => reason },
      cell: ({ reason }) => <span className="block min-w-24 wrap-anywhere">{reason}</span>,
    },
    {
      ...{ id: "amount", title: t("grants"), align: "end", csv: ({ amount }) => amount },
      sort: ({ amount }) => Number(amount),
      cell: ({ amount }) => <Amount nanos={fromUnits(amount)} currency={currency} />,
    },
    {
      ...{ id: "left", title: t("left"), align: "end", csv: ({ left }) => left, sort: ({ left }) => Number(left) },
      cell: ({ left }) => <Amount nanos={fromUnits(left)} currency={currency} />,
    },
    {
      ...{ id: "ends", title: t("ends"), csv: ({ expires_at }) => expires_at, sort: ({ expires_at }) => expires_at },
      cell: ({ expires_at, ended_at }) =>
        ended_at === null ? <Time at={expires_at} /> : <span className="text-ink-soft">{t("ended")}</span>,
    },
    {
      ...{ id: "by", title: t("by"), csv: ({ created_by }) => created_by, isMinor: true },
      cell: ({ created_by }) => <span className="text-ink-soft">{nameOf(created_by)}</span>,
    },
    {
      ...{ id: "granted", title: t("granted"), isMinor: true },
      ...{ csv: ({ created_at }) => created_at, sort: ({ created_at }) => created_at },
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ];
}
