import { Plus, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button, IconButton } from "../../ui/button.tsx";
import { useConnectionTexts } from "./texts.ts";

/** Rules of the form "whoever has this group there, gets that here", in their order. */
export function MappingRows<Row extends { readonly value: string }>({
  title,
  hint,
  rows,
  blank,
  isOffered = true,
  onChange,
  children,
}: {
  readonly title: string;
  readonly hint: string;
  readonly rows: readonly Row[];
  readonly blank: Row;
  /** False where there is nothing yet that could be given. */
  readonly isOffered?: boolean;
  readonly onChange: (rows: readonly Row[]) => void;
  readonly children: (row: Row, set: (row: Row) => void) => ReactNode;
}) {
  const t = useConnectionTexts();
  const setAt = (at: number) => (row: Row) => onChange(rows.with(at, row));
  return (
    <fieldset className="border-t border-line pt-4">
      <legend className="sr-only">{title}</legend>
      <p aria-hidden className="text-[13px] font-medium">
        {title}
      </p>
      <p className="mt-0.5 text-xs text-ink-soft">{hint}</p>
      <ul className="mt-3 grid gap-2">
        {rows.map((row, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a rule is its place among the others
          <li key={at} className="flex flex-wrap items-center gap-2">
            <input
              aria-label={t("theirGroup", { number: at + 1 })}
              placeholder={t("theirGroupHint")}
              value={row.value}
              required
              maxLength={200}
              autoComplete="off"
              onChange={(event) => setAt(at)({ ...row, value: event.target.value })}
              className="h-9 min-w-40 flex-1 rounded-md max-sm:basis-full border border-line-strong/60 bg-surface px-2.5 font-mono text-[13px]"
            />
            {children(row, setAt(at))}
            <IconButton label={t("removeRule", { number: at + 1 })} onClick={() => onChange(rows.toSpliced(at, 1))}>
              <X aria-hidden className="size-4" />
            </IconButton>
          </li>
        ))}
      </ul>
      {isOffered && (
        <Button
          size="small"
          className="mt-2"
          aria-label={t("addRuleTo", { what: title })}
          onClick={() => onChange([...rows, blank])}
        >
          <Plus aria-hidden className="size-3.5" />
          {t("addRule")}
        </Button>
      )}
    </fieldset>
  );
}

export function Pick({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className="h-9 max-w-full rounded-md max-sm:min-w-0 max-sm:flex-1 border border-line-strong/60 bg-surface px-2 text-sm"
    >
      {options.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}
