import type { MovementRow } from "./statement-store.ts";

/** Accounts that say more than the kind of a posting does: money that nobody paid is no top-up. */
const categoryByAccount: Readonly<Record<string, string>> = { "top_up funding:grant": "grant" };

/** What a movement is shown as. A kind that is not known here is its own category. */
export function categoryOf({ kind, counterparty }: Pick<MovementRow, "kind" | "counterparty">): string {
  return categoryByAccount[`${kind} ${counterparty}`] ?? kind;
}
