import { type AnySaga, type StepCall, saga } from "@lyss/kit/workflow/saga.ts";
import type { RegisterPersonInput, RegistrationSteps } from "../registration-steps.ts";

/** What the steps call. */
export interface RegistersPeople {
  readonly registration: RegistrationSteps;
}

type Call = Pick<StepCall<RegisterPersonInput, unknown, RegistersPeople>, "input" | "ops">;

/** Somebody waits for the answer. */
const quick = { maxAttempts: 3, minDelayMs: 100, maxDelayMs: 1_000 };
/** Whoever takes part may be away for as long as a machine takes to come back. */
const patient = { maxAttempts: 100, minDelayMs: 200, maxDelayMs: 30_000 };
const tried = { retry: quick, undoRetry: patient, timeoutMs: 5_000 };

/**
 * Makes a person of a registration: a tenant of their own if they join none, the person, a place in groups, a wallet, the first
 * tokens; then all of it counts at once. Killed anywhere, or refused by anyone, it leaves all of it or nothing.
 */
export const registerPerson = saga<RegisterPersonInput, RegistersPeople>("register-person", { timeoutMs: 120_000 })
  .step("tenant", {
    run: ({ ops, input }) => ops.registration.createTenant(input),
    compensate: ({ ops, input }) => ops.registration.discardTenant(input),
    ...tried,
  })
  .step("person", {
    run: ({ ops, input, results }) => ops.registration.insertPerson(input, results.tenant),
    compensate: ({ ops, input }: Call) => ops.registration.removePerson(input),
    ...tried,
  })
  .step("group-permissions", {
    run: ({ ops, input, results }) => ops.registration.admitPerson(input, results.tenant),
    compensate: ({ ops, input, results }) => ops.registration.dismissPerson(input, results.tenant),
    ...tried,
  })
  .step("billing-wallet", {
    // Its undo is that of the tenant, of which billing hears.
    run: ({ ops, input, results }) => ops.registration.openWallet(input, results.tenant),
    ...tried,
  })
  .step("tokens", {
    run: ({ ops, input, results }) => ops.registration.startSession(input, results.tenant),
    compensate: ({ ops, input, results }) => ops.registration.endSessions(input, results.tenant),
    ...tried,
  })
  .pivot()
  .step("tenant-counts", {
    run: ({ ops, input, results }) => ops.registration.activateTenant(input, results.tenant),
    retry: patient,
  })
  .step("person-counts", {
    run: ({ ops, input, results }) => ops.registration.activatePerson(input, results.tenant),
    retry: patient,
  })
  .build();

/** All that user runs. */
export const userSagas: readonly AnySaga[] = [registerPerson];
