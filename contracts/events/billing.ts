import { defineEvent } from "@lyss/kit/events/event.ts";
import { BalanceLowSchema, UsageRecordedSchema } from "../gen/lyss/billing/v1/billing_pb.js";

/** Said once each time a wallet's available balance crosses the configured mark downwards. */
export const balanceLow = defineEvent("billing.balance.low", BalanceLowSchema, (event) => event.walletId);

/** Calls of a wallet were settled. The wallet's stream of these is its usage. */
export const usageRecorded = defineEvent("billing.usage.recorded", UsageRecordedSchema, (event) => event.walletId);
