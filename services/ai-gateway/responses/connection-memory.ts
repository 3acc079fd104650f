import type { Fields } from "../dialects/request-fields.ts";

/**
 * The conversations of one connection that are stored nowhere: what a response with `store: false` may be gone on from there. The oldest
 * are forgotten when there are too many.
 */
export interface ConnectionMemory {
  /** The items up to the response and with it, the oldest first; undefined for one that is not remembered. */
  find(responseId: string): readonly Fields[] | undefined;
  note(responseId: string, items: readonly Fields[]): void;
}

const maxRemembered = 16;

/** `maxBytes` of items together; the newest conversation is kept in any case. */
export function createConnectionMemory(maxBytes: number): ConnectionMemory {
  const remembered = new Map<string, { readonly items: readonly Fields[]; readonly bytes: number }>();
  let totalBytes = 0;
  return {
    find: (responseId) => remembered.get(responseId)?.items,
    note(responseId, items) {
      const bytes = JSON.stringify(items).length;
      remembered.set(responseId, { items, bytes });
      totalBytes += bytes;
      for (const [oldest, { bytes: freed }] of remembered) {
        if (remembered.size === 1 || (remembered.size <= maxRemembered && totalBytes <= maxBytes)) break;
        remembered.delete(oldest);
        totalBytes -= freed;
      }
    },
  };
}
