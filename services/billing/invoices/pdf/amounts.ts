import { parseTrillionths, trillion } from "../exact-nanos.ts";

const minDecimals = 2;
/** As many as a quantity times a rate can have. */
const maxDecimals = 15;
/** A nano has nine decimals, and a trillionth of one twelve more. */
const exactDecimals = 21;

/** Writes amounts so that their decimal points stand below each other: all with as many decimals as the longest needs. */
export type AmountFormat = (trillionths: bigint) => string;

/** A format for these amounts, which are in trillionths of a nano. */
export function createAmountFormat(amounts: readonly bigint[]): AmountFormat {
  const decimals = amounts.reduce((most, amount) => Math.max(most, decimalsOf(amount)), minDecimals);
  return (amount) => formatUnits(amount, Math.min(decimals, maxDecimals));
}

/** The trillionths of whole nanos, or of what `formatTrillionths` gave. */
export function exactOf(nanos: string): bigint {
  return parseTrillionths(nanos);
}

/** `1,234,567`. */
export function formatCount(count: string): string {
  return count.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A rate in units of the currency per million: at least two decimals, and as many as it has. */
export function formatRate(nanosPerMillion: string): string {
  const amount = BigInt(nanosPerMillion) * trillion;
  return createAmountFormat([amount])(amount);
}

function decimalsOf(amount: bigint): number {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exactDecimals, "0");
  return digits.slice(-exactDecimals).replace(/0+$/, "").length;
}

function formatUnits(amount: bigint, decimals: number): string {
  const scale = 10n ** BigInt(exactDecimals - decimals);
  const magnitude = amount < 0n ? -amount : amount;
  const rounded = ((magnitude + scale / 2n) / scale).toString().padStart(decimals + 1, "0");
  const whole = formatCount(rounded.slice(0, -decimals));
  // U+2212 is as wide as a digit; a hyphen is not.
  return `${amount < 0n ? "−" : ""}${whole}.${rounded.slice(-decimals)}`;
}
