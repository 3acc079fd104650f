import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  FactorAddedSchema,
  FactorLockedSchema,
  FactorRemovedSchema,
  RecoveryCodesCreatedSchema,
  RecoveryCodeUsedSchema,
} from "../gen/lyss/auth/v1/factor_pb.js";

/** What happens to people's second factors, each under the person's id. */
export const factorAdded = defineEvent("factor.added", FactorAddedSchema, (event) => event.userId);
export const factorRemoved = defineEvent("factor.removed", FactorRemovedSchema, (event) => event.userId);
export const factorLocked = defineEvent("factor.locked", FactorLockedSchema, (event) => event.userId);
export const recoveryCodesCreated = defineEvent(
  "recovery_codes.created",
  RecoveryCodesCreatedSchema,
  (event) => event.userId,
);
export const recoveryCodeUsed = defineEvent("recovery_code.used", RecoveryCodeUsedSchema, (event) => event.userId);

/** All of it. */
export const factorEvents = [factorAdded, factorRemoved, factorLocked, recoveryCodesCreated, recoveryCodeUsed] as const;
