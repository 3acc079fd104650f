import { z } from "zod";

/** A value that must not be printed. `String()`, JSON and `console.log` show `[secret]`; only `reveal()` gives it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}

/**
 * Configuration schema of a secret: a string, or `{env: NAME}` which the loader has already resolved to a string.
 * Bounds: 1 to 16,384 characters. Marked `writeOnly`, JSON Schema's word for what may be given but is never shown.
 */
export const secretSchema = z
  .string()
  .min(1)
  .max(16_384)
  .transform((value) => new Secret(value))
  .meta({ writeOnly: true });
