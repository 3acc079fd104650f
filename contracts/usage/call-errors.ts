import { CallError } from "../gen/lyss/billing/v1/billing_pb.js";

/** What goes wrong with calls that fail or break off, by the names that people read. */
export const callErrors = [
  ...(["rate_limited", "overloaded", "timeout", "rejected", "unauthorized"] as const),
  ...(["provider_failed", "broken_off", "blocked", "gateway"] as const),
] as const;
export type CallErrorName = (typeof callErrors)[number];

/** How each is called on the wire. */
export const callErrorMessages: Readonly<Record<CallErrorName, CallError>> = {
  rate_limited: CallError.RATE_LIMITED,
  overloaded: CallError.OVERLOADED,
  timeout: CallError.TIMEOUT,
  rejected: CallError.REJECTED,
  unauthorized: CallError.UNAUTHORIZED,
  provider_failed: CallError.PROVIDER_FAILED,
  broken_off: CallError.BROKEN_OFF,
  blocked: CallError.BLOCKED,
  gateway: CallError.GATEWAY,
};

const names: ReadonlyMap<CallError, CallErrorName> = new Map(callErrors.map((name) => [callErrorMessages[name], name]));

/** Undefined for none, and for one that is not known here. */
export function fromCallErrorMessage(message: CallError): CallErrorName | undefined {
  return names.get(message);
}
