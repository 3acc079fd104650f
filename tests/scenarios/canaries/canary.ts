import { createHash, randomBytes } from "node:crypto";

/** A value that stands nowhere but where it was put. */
export interface Canary {
  readonly name: string;
  readonly value: string;
  /** Where it may be found all the same, and as what: a digest by which a key is known, say. */
  readonly mayHash?: boolean;
}

/** Makes them and finds them again. */
export function createCanaries() {
  const all: Canary[] = [];
  return {
    all: all as readonly Canary[],
    /** A new one; `prefix` where a secret has a form of its own. */
    put(name: string, prefix = ""): string {
      const value = `${prefix}cnry${randomBytes(16).toString("hex")}`;
      all.push({ name, value });
      return value;
    },
    /** One that Lyss made, of which it may keep a digest to know it by. */
    note(name: string, value: string): void {
      all.push({ name, value, mayHash: true });
    },
    /** Which of them `text` holds, as what, for a message. `isDatabase` where digests of our own are kept. */
    find(text: string, isDatabase = false): readonly string[] {
      return all.flatMap(({ name, value, mayHash = false }) =>
        Object.entries(formsOf(value, !(isDatabase && mayHash)))
          .filter(([, form]) => text.includes(form))
          .map(([as, form]) => `${name} as ${as}: …${around(text, form)}…`),
      );
    },
  };
}

export type Canaries = ReturnType<typeof createCanaries>;

function formsOf(value: string, withDigest: boolean): Readonly<Record<string, string>> {
  const bytes = Buffer.from(value);
  const digest = createHash("sha256").update(value).digest();
  return {
    itself: value,
    hex: bytes.toString("hex"),
    // Wherever it begins within what was encoded: without what depends on its neighbours.
    ...Object.fromEntries([0, 1, 2].map((shift) => [`base64 + ${shift}`, base64At(bytes, shift)])),
    ...(withDigest && {
      "SHA-256 in hex": digest.toString("hex"),
      "SHA-256 in base64": digest.toString("base64").slice(0, 42),
      "SHA-256 in base64url": digest.toString("base64url").slice(0, 42),
    }),
  };
}

function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  return text.slice(shift === 0 ? 0 : shift + 1, -4);
}

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(0, at - 120), at + form.length + 40);
}
