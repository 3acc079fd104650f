import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { DebtStore } from "../debts/debt-store.ts";
import type { GrantStore } from "../grants/grant-store.ts";
import type { Journal } from "../journal/journal.ts";
import type { Ledger } from "../ledger.ts";
import type { OrderStore } from "./order-store.ts";
import type { PaymentSettings } from "./payment-config.ts";
import type { PaymentProvider } from "./payment-provider.ts";
import type { RefundStore } from "./refund-store.ts";

/** What payments are given. */
export interface PaymentDeps {
  readonly journal: Journal;
  readonly random: Random;
  readonly db: Database;
  readonly orders: OrderStore;
  readonly refunds: RefundStore;
  readonly debts: DebtStore;
  readonly grants: GrantStore;
  /** Undefined where none is configured: then nothing can be paid. */
  readonly provider: PaymentProvider | undefined;
  readonly settings: PaymentSettings;
  readonly currency: string;
  readonly outbox: Outbox;
  readonly idempotency: Idempotency;
  readonly ledger: Pick<Ledger, "wake">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The provider by which payments are taken. Throws `payments_not_offered` where there is none. */
export function requireProvider({ provider }: Pick<PaymentDeps, "provider">): PaymentProvider {
  if (!provider) throw new Failure(billingFailures.payments_not_offered);
  return provider;
}
