/** As deep as protobuf itself reads (https://protobuf.dev/programming-guides/proto-limits/). */
const maxDepth = 100;

/**
 * A message that shares nothing with the given one: whatever either side does to its own afterwards stays there, as it
 * does over the wire. Throws a RangeError for one that is nested more than 100 deep, or in itself.
 */
export function copyMessage<T extends object>(message: T): T {
  return copyObject(message, 0) as T;
}

function copyObject(value: object, depth: number): object {
  if (depth > maxDepth) throw new RangeError(`a message is nested more than ${maxDepth} deep`);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) {
    return value.map((item) => (typeof item === "object" && item !== null ? copyObject(item, depth + 1) : item));
  }
  // A message of proto2 or of an edition keeps its defaults in its prototype.
  const prototype = Object.getPrototypeOf(value);
  const copy: Record<string, unknown> =
    prototype === Object.prototype ? { ...value } : Object.assign(Object.create(prototype), value);
  for (const key in copy) {
    const item = copy[key];
    // Not what is inherited: an own field would mean that it is set.
    if (typeof item === "object" && item !== null && Object.hasOwn(copy, key)) copy[key] = copyObject(item, depth + 1);
  }
  return copy;
}
