/** The amount, or the limit where that is less. */
export function atMost(amount: bigint, limit: bigint): bigint {
  return amount < limit ? amount : limit;
}

/** The amount, or the floor where that is more. */
export function atLeast(amount: bigint, floor: bigint): bigint {
  return amount < floor ? floor : amount;
}
