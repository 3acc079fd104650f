import { createHmac } from "node:crypto";
import type { Detector, Match } from "./detector.ts";

/** What stands in a request in place of what must not leave, and what it stood for. Of one call. */
export interface Placeholders {
  readonly isEmpty: boolean;
  /** The same for the same text at each call of the tenant, so that what a provider caches stays good. */
  put(label: string, value: string): string;
  /** Undefined for what this call has not put. */
  valueOf(placeholder: string): string | undefined;
  /** Finds them in an answer. */
  readonly detector: Detector;
}

const pattern = /\[[A-Z_]{1,20}_[0-9a-f]{8,64}\]/g;
/** What may become one. */
const begun = /\[[A-Z_]{0,20}[0-9a-f]{0,64}$/;

/** `key` is the tenant's: from a placeholder nobody without it learns what it stands for. */
export function createPlaceholders(key: Buffer): Placeholders {
  const values = new Map<string, string>();
  return {
    get isEmpty() {
      return values.size === 0;
    },
    put(label, value) {
      const digest = createHmac("sha256", key).update(value).digest("hex");
      for (let length = 8; ; length += 8) {
        const placeholder = `[${label.toUpperCase()}_${digest.slice(0, length)}]`;
        const known = values.get(placeholder);
        if (known !== undefined && known !== value && length < digest.length) continue;
        values.set(placeholder, value);
        return placeholder;
      }
    },
    valueOf: (placeholder) => values.get(placeholder),
    detector: {
      scan(text, from, isEnd) {
        const found = [...text.slice(from).matchAll(pattern)].map(
          ({ 0: it, index }): Match => ({ start: from + index, end: from + index + it.length, label: it }),
        );
        const open = isEnd ? -1 : text.slice(from).search(begun);
        return {
          matches: found.filter(({ label }) => values.has(label)),
          openFrom: open < 0 ? text.length : from + open,
        };
      },
    },
  };
}
