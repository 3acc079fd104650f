/** Parts of a nano in which exact amounts are counted: a rate is per million, and mark-up in millionths. */
export const trillion = 1_000_000_000_000n;

/** `0.5` for half a trillion trillionths: nanos with up to twelve decimals, exact. */
export function formatTrillionths(trillionths: bigint): string {
  const sign = trillionths < 0n ? "-" : "";
  const digits = (trillionths < 0n ? -trillionths : trillionths).toString().padStart(13, "0");
  const fraction = digits.slice(-12).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -12)}${fraction && `.${fraction}`}`;
}

/** The trillionths of what `formatTrillionths` gave. */
export function parseTrillionths(text: string): bigint {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  const trillionths = BigInt(whole) * trillion + BigInt(fraction.padEnd(12, "0"));
  return text.startsWith("-") ? -trillionths : trillionths;
}

/** Trillionths of a nano in units of the currency, with up to 21 decimals: exact. */
export function formatUnits(trillionths: bigint): string {
  const sign = trillionths < 0n ? "-" : "";
  const digits = (trillionths < 0n ? -trillionths : trillionths).toString().padStart(22, "0");
  const fraction = digits.slice(-21).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -21)}${fraction && `.${fraction}`}`;
}
