import type { Message } from "@bufbuild/protobuf";

const wireForms = new WeakMap<object, () => Message>();

/**
 * A message of which parts are encoded already: over the wire goes `toWireForm()`, which must encode to the same fields. Such a form
 * holds them as bytes (`$unknown`), which are written as they are. In process the message itself is copied.
 */
export function withWireForm<T extends Message>(message: T, toWireForm: () => T): T {
  wireForms.set(message, toWireForm);
  return message;
}

/** What is to be encoded in place of a message: its wire form, or the message where it has none. */
export function wireFormOf<T extends object>(message: T): T {
  return (wireForms.get(message)?.() as T | undefined) ?? message;
}
