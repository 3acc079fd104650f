/** How a tenant's people may sign in, and for how long. */
export interface SignInPolicy {
  /** `password`, `passkey`, `sso`; empty for all. */
  readonly signInMethods: readonly string[];
  /** 0 for the installation's own limit; here and below. */
  readonly sessionIdleMinutes: number;
  readonly sessionLifetimeHours: number;
  readonly requireMfa: boolean;
  /** Whether people are not told by mail when an operator acts in their name. */
  readonly silentImpersonation: boolean;
}

/** By which of a tenant's means somebody signed in, from how they were recognised (RFC 8176). */
export function signInMethodOf(methods: readonly string[]): "password" | "passkey" | "sso" {
  if (methods.includes("fed")) return "sso";
  return methods.includes("pwd") ? "password" : "passkey";
}

/** True for a means that the tenant does not take. Operators are never shut out: somebody must be able to mend the policy. */
export function isMethodRefused(policy: SignInPolicy | undefined, role: string, methods: readonly string[]): boolean {
  if (!policy || policy.signInMethods.length === 0 || role === "operator") return false;
  return !policy.signInMethods.includes(signInMethodOf(methods));
}

/** The stricter of the installation's limits and the tenant's. */
export function limitSession(
  policy: SignInPolicy | undefined,
  limits: { readonly sessionTtlMs: number; readonly sessionIdleTtlMs: number },
): { readonly ttlMs: number; readonly idleTtlMs: number } {
  const hours = policy?.sessionLifetimeHours ?? 0;
  const minutes = policy?.sessionIdleMinutes ?? 0;
  return {
    ttlMs: hours > 0 ? Math.min(limits.sessionTtlMs, hours * 3_600_000) : limits.sessionTtlMs,
    idleTtlMs: minutes > 0 ? Math.min(limits.sessionIdleTtlMs, minutes * 60_000) : limits.sessionIdleTtlMs,
  };
}
