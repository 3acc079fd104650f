import type { ExportedPerson, PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { PersonStore } from "./person-store.ts";

/** What a person used, ordered and redeemed, and what they may use. The wallet is the tenant's, and not theirs. */
export async function exportPerson(persons: PersonStore, tx: Tx, person: ExportedPerson): Promise<PersonSections> {
  return {
    calls: await persons.listCalls(tx, person),
    days: await persons.listDays(tx, person),
    payment_orders: await persons.listOrders(tx, person),
    code_redemptions: await persons.listRedemptions(tx, person),
    budgets: await persons.listBudgets(tx, person),
  };
}
