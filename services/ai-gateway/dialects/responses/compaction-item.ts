import type { Fields } from "../request-fields.ts";

/** Tells an item that was made here from those that only a provider's account reads. */
const mark = "lyss1.";

/** What stands for a conversation that was summed up here. It goes where providers have what they sealed, and is not sealed. */
export function toCompactionItem(id: string, summary: string): Fields {
  return { id, type: "compaction", encrypted_content: mark + Buffer.from(summary).toString("base64url") };
}

/** The summary of an item that was made here; undefined for any other item. */
export function summaryOf(item: Fields): string | undefined {
  const { type, encrypted_content: content } = item;
  if (type !== "compaction" || typeof content !== "string" || !content.startsWith(mark)) return undefined;
  return Buffer.from(content.slice(mark.length), "base64url").toString("utf8");
}

/** An item as every provider understands it: one that was made here is told as a message of the user. */
export function toToldSummary(item: Fields): Fields {
  const summary = summaryOf(item);
  if (summary === undefined) return item;
  const text = `What was said before, in summary:\n\n${summary}`;
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}
