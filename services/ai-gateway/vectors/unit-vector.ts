const maxDimensions = 4_096;

/** Of a list of numbers, the same direction with length 1; undefined for what is no vector that can be compared. */
export function toUnitVector(numbers: unknown): Float32Array | undefined {
  if (!Array.isArray(numbers) || numbers.length === 0 || numbers.length > maxDimensions) return undefined;
  let square = 0;
  for (const number of numbers as readonly unknown[]) {
    if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
    square += number * number;
  }
  const length = Math.sqrt(square);
  if (length === 0 || !Number.isFinite(length)) return undefined;
  return Float32Array.from(numbers as readonly number[], (number) => number / length);
}

/** Of two vectors of length 1 and of as many numbers. */
export function cosineOf(one: Float32Array, other: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const { length } = one;
  const whole = length - (length % 4);
  // Four sums that do not wait for one another; a check of each number would take as long again.
  for (let at = 0; at < whole; at += 4) {
    a += (one[at] as number) * (other[at] as number);
    b += (one[at + 1] as number) * (other[at + 1] as number);
    c += (one[at + 2] as number) * (other[at + 2] as number);
    d += (one[at + 3] as number) * (other[at + 3] as number);
  }
  for (let at = whole; at < length; at++) a += (one[at] as number) * (other[at] as number);
  return Math.min(1, a + b + c + d);
}

/** A copy of its own: what a driver gives may be a part of something larger, and stands at any offset. */
export function toFloats(bytes: Buffer): Float32Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return new Float32Array(copy.buffer);
}
