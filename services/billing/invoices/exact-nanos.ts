import { formatDecimal } from "../decimal.ts";

/** Parts of a nano in which exact amounts are counted: a rate is per million, and mark-up in millionths. */
export const trillion = 1_000_000_000_000n;

/** `0.5` for half a trillion trillionths: nanos with up to twelve decimals, exact. */
export function formatTrillionths(trillionths: bigint): string {
  return formatDecimal(trillionths, 12);
}

/** The trillionths of what `formatTrillionths` gave. */
export function parseTrillionths(text: string): bigint {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(`${whole}${fraction.padEnd(12, "0")}`);
}

/** Trillionths of a nano in units of the currency, with up to 21 decimals: exact. */
export function formatUnits(trillionths: bigint): string {
  return formatDecimal(trillionths, 21);
}
