/** Which of two comes first, for `sort`: texts by their UTF-16 units, amounts by size. */
export function compare<T extends string | bigint>(a: T, b: T): number {
  return Number(a > b) - Number(a < b);
}
