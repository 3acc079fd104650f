/** `9.998` for 9_998 with three decimals: exact, without trailing zeros. */
export function formatDecimal(amount: bigint, decimals: number): string {
  const sign = amount < 0n ? "-" : "";
  const digits = amount
    .toString()
    .replace("-", "")
    .padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -decimals)}${fraction && `.${fraction}`}`;
}
