import { useLanguage } from "../app/language.ts";
import { numberFormat, relativeTimeFormat, timeFormat } from "./formatters.ts";
import { useUiTexts } from "./texts.ts";

const nanosPerUnit = 1_000_000_000n;
const nanosPerCent = nanosPerUnit / 100n;

/** Nano-units of a currency as a person reads them: cents of a unit and more, and of what is less as many digits as say something. */
export function formatMoney(nanos: string | bigint, language: string, currency = "USD"): string {
  const amount = BigInt(nanos);
  const size = amount < 0n ? -amount : amount;
  const isExactZero = size === 0n;
  const digits = isExactZero || size >= nanosPerUnit ? 2 : size >= nanosPerCent ? 4 : size >= 10_000n ? 6 : 9;
  // A number holds fifteen digits; what is shown of a larger amount ends before them.
  const value = Number(amount) / Number(nanosPerUnit);
  return numberFormat(language, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(value);
}

/** An amount; its exact value and currency are shown on hover and read out. */
export function Money({ nanos, currency = "USD" }: { readonly nanos: string | bigint; readonly currency?: string }) {
  const text = formatMoney(nanos, useLanguage(), currency);
  return (
    <span className="tabular-nums" title={`${toUnits(BigInt(nanos))} ${currency}`}>
      {text}
    </span>
  );
}

/** `1500000000` as `1.5`, exact. */
export function toUnits(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const rest = (size % nanosPerUnit).toString().padStart(9, "0").replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${size / nanosPerUnit}${rest && `.${rest}`}`;
}

/** `1.5` as 1500000000n: the other way round. What is no amount is zero. */
export function fromUnits(text: string): bigint {
  const [, sign = "", whole = "0", rest = ""] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  const size = BigInt(whole) * nanosPerUnit + BigInt(rest.padEnd(9, "0"));
  return sign === "-" ? -size : size;
}

/** A count, or a quantity with its unit. */
export function Quantity({ value, unit }: { readonly value: number; readonly unit?: string }) {
  const text = numberFormat(useLanguage(), { maximumFractionDigits: 2 }).format(value);
  return (
    <span className="whitespace-nowrap tabular-nums">
      {text}
      {unit && <span className="text-ink-soft"> {unit}</span>}
    </span>
  );
}

/** Milliseconds as a person reads them; a dash where there are none. */
export function formatDuration(ms: number | null | undefined, language: string): string {
  if (ms === undefined || ms === null) return "–";
  const isShort = ms < 1_000;
  const number = numberFormat(language, { maximumFractionDigits: isShort ? 0 : 1 });
  return isShort ? `${number.format(ms)} ms` : `${number.format(ms / 1_000)} s`;
}

/** The same; its exact value is shown on hover. */
export function Duration({ ms }: { readonly ms: number | null }) {
  const text = formatDuration(ms, useLanguage());
  return (
    <span className="whitespace-nowrap tabular-nums" title={ms === null ? undefined : `${ms} ms`}>
      {text}
    </span>
  );
}

/** Where the person is, as times are shown. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A day of the books, `2026-11-27`, which are kept in UTC. */
export function formatDay(day: string, language: string): string {
  return timeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(day));
}

/** The same. */
export function Day({ day }: { readonly day: string }) {
  return <time dateTime={day}>{formatDay(day, useLanguage())}</time>;
}

/** Days of the books from one to another, both included, or the one that they are: `Nov 1 – 30, 2026`. */
export function Days({ from, to }: { readonly from: string; readonly to: string }) {
  const format = timeFormat(useLanguage(), { dateStyle: "medium", timeZone: "UTC" });
  return <span className="whitespace-nowrap">{format.formatRange(new Date(from), new Date(to))}</span>;
}

/** The days of a period that ends before `end`. */
export function Period({ start, end }: { readonly start: string; readonly end: string }) {
  return <Days from={start} to={new Date(Date.parse(end) - 1).toISOString()} />;
}

/** A time with its zone, in full. */
export function formatTime(at: string | number, language: string): string {
  return timeFormat(language, { dateStyle: "medium", timeStyle: "long" }).format(new Date(at));
}

const steps = [
  ["second", 60_000, 1_000],
  ["minute", 3_600_000, 60_000],
  ["hour", 86_400_000, 3_600_000],
  ["day", 2_592_000_000, 86_400_000],
] as const;

/** How long ago, or until; in full with its zone on hover. What is more than 30 days away is shown as its date. */
export function Time({ at, none }: { readonly at: string | null; readonly none?: string }) {
  const language = useLanguage();
  const t = useUiTexts();
  if (at === null) return <span className="text-ink-soft">{none ?? t("never")}</span>;
  const differenceMs = new Date(at).getTime() - Date.now();
  const step = steps.find(([, belowMs]) => Math.abs(differenceMs) < belowMs);
  const text = step
    ? relativeTimeFormat(language, { numeric: "auto" }).format(Math.round(differenceMs / step[2]), step[0])
    : timeFormat(language, { dateStyle: "medium" }).format(new Date(at));
  return (
    <time dateTime={at} className="whitespace-nowrap" title={`${formatTime(at, language)} (${zone})`}>
      {text}
    </time>
  );
}
