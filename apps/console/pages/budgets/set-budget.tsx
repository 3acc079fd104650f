import { useState } from "react";
import { setBudget, type UpdateBudgetBody, updateBudget } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { type Budget, type Period, periods, type Scope, scopes, type Unit, units } from "./budget.ts";
import { useScopeNames } from "./names.ts";
import { useBudgetTexts } from "./texts.ts";

interface SetBudgetProps {
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

/** Caps somebody or something anew. */
export function SetBudget({ onClose, onDone }: SetBudgetProps) {
  const t = useBudgetTexts();
  const [scope, setScope] = useState<Scope>("tenant");
  const [unit, setUnit] = useState<Unit>("money");
  const [period, setPeriod] = useState<Period>("month");
  const send = async (values: FormValues) => {
    const scope_id = scope === "tenant" ? undefined : values["scope_id"];
    await setBudget({ body: { ...toLimit(values), scope, unit, period, scope_id } });
    await onDone();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("setTitle")} description={t("setHint")}>
      <Form onSend={send}>
        <SelectField
          name="scope"
          label={t("scope")}
          value={scope}
          onChange={(event) => setScope(event.target.value as Scope)}
          options={scopes.map((one) => [one, t(`scope.${one}`)])}
        />
        {scope !== "tenant" && <Whose key={scope} scope={scope} />}
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            name="unit"
            label={t("unit")}
            value={unit}
            onChange={(event) => setUnit(event.target.value as Unit)}
            options={units.map((one) => [one, t(`unit.${one}`)])}
          />
          <SelectField
            name="period"
            label={t("period")}
            value={period}
            onChange={(event) => setPeriod(event.target.value as Period)}
            options={periods.map((one) => [one, t(`period.${one}`)])}
          />
        </div>
        <LimitFields unit={unit} period={period} />
        <FormButtons act={t("save")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

/** Gives a budget another limit, calendar or alert marks. */
export function ChangeBudget({
  budget,
  name,
  onClose,
  onDone,
}: SetBudgetProps & { readonly budget: Budget; readonly name: string }) {
  const t = useBudgetTexts();
  const { id, unit, period } = budget;
  const send = async (values: FormValues) => {
    // What the form does not ask for, such as the calendar of an hour, stays as it is.
    const { time_zone, reset_day } = budget;
    await updateBudget({ path: { id }, body: { time_zone, reset_day, ...toLimit(values) } });
    await onDone();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={t("changeTitle", { name })}
      description={t("changeHint", { counts: t(`counts.${unit}.${period}`) })}
    >
      <Form onSend={send}>
        <LimitFields unit={unit} period={period} budget={budget} />
        <FormButtons act={t("save")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

/** By name where the person may list them, else by id. */
function Whose({ scope }: { readonly scope: Exclude<Scope, "tenant"> }) {
  const t = useBudgetTexts();
  const known = [...useScopeNames()[scope]];
  return known.length === 0 ? (
    <TextField name="scope_id" label={`${t(scope)}: ${t("id")}`} required autoComplete="off" />
  ) : (
    <SelectField name="scope_id" label={t(scope)} options={known} />
  );
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function LimitFields({
  unit,
  period,
  budget,
}: {
  readonly unit: Unit;
  readonly period: Period;
  readonly budget?: Budget;
}) {
  const t = useBudgetTexts();
  return (
    <>
      <TextField
        name="limit"
        label={t(`limit.${unit}`)}
        required
        inputMode={unit === "money" ? "decimal" : "numeric"}
        autoComplete="off"
        defaultValue={budget?.limit}
      />
      {(period === "day" || period === "month") && (
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            name="time_zone"
            label={t("zone")}
            hint={t("zoneHint")}
            list="time-zones"
            defaultValue={budget?.time_zone ?? zone}
            autoComplete="off"
          />
          <datalist id="time-zones">
            {["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          {period === "month" && (
            <TextField
              name="reset_day"
              label={t("resetDay")}
              type="number"
              min={1}
              max={28}
              defaultValue={budget?.reset_day ?? 1}
            />
          )}
        </div>
      )}
      <TextField
        name="alert_percents"
        label={t("alertField")}
        hint={t("alertHint")}
        isOptional
        autoComplete="off"
        defaultValue={budget?.alert_percents.join(", ")}
      />
    </>
  );
}

function toLimit(values: FormValues): UpdateBudgetBody {
  const { limit = "", time_zone, reset_day, alert_percents } = values;
  return {
    limit,
    ...(time_zone !== undefined && { time_zone }),
    ...(reset_day !== undefined && { reset_day: Number(reset_day) }),
    ...(alert_percents !== undefined && {
      alert_percents: alert_percents
        .split(/[\s,，、%]+/)
        .filter(Boolean)
        .map(Number),
    }),
  };
}
