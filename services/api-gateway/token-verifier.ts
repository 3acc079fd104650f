import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { createLru } from "@lyss/kit/cache/lru.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { createKeySetCache } from "./key-set.ts";
import type { VerdictCache } from "./verdict-cache.ts";

/** Checks access tokens: that auth signed them, with its public keys, and what their session may do now. */
export interface TokenVerifier {
  /**
   * The token's caller at this path, or undefined when it is refused: without one, also what is good at one resource alone. At once for one that is known. Rejects when auth is
   * away.
   */
  callerOf(token: string, path?: string): Caller | undefined | Promise<Caller | undefined>;
}

/** What a token says that is signed by auth. */
interface SignedToken {
  readonly kid: string;
  readonly sessionId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly expiresAtMs: number;
  /** When its person had last proven who they are; 0 when that was to be done again. */
  readonly provenAtMs: number;
  /** When it first came, monotonic: auth had issued it by then. */
  readonly seenMs: number;
  /** Of a token that is good at the resource alone: what it permits there. Undefined for one of the person's own. */
  readonly scopes: readonly string[] | undefined;
}

/** What tokens are given for that are good there alone (RFC 8707). */
export interface ProtectedResource {
  readonly path: string;
  /** Its name in `aud`. */
  uri(): string;
}

const maxRemembered = 50_000;

/**
 * Remembers, by the whole token, which ones are signed by auth: until they expire or their key is withdrawn. What their
 * sessions may do is the sessions' affair, asked each time.
 */
export function createTokenVerifier(
  auth: Client<typeof AuthService>,
  sessions: Pick<VerdictCache, "callerOf">,
  clock: Clock,
  resource: ProtectedResource,
): TokenVerifier {
  const scoped = new WeakMap<Caller, Map<string, Caller>>();
  const signed = createLru<SignedToken>({ maxEntries: maxRemembered });
  const keySets = createKeySetCache(auth, clock, (kids) => {
    for (const [token, { kid }] of signed.entries()) if (kids.has(kid)) signed.delete(token);
  });

  async function verify(token: string): Promise<SignedToken | undefined> {
    const kid = readKid(token);
    if (kid === undefined) return undefined;
    const { keys, issuer, audience } = await keySets.keySetFor(kid);
    const key = keys.get(kid);
    if (!key) return undefined;
    try {
      const { payload } = await jwtVerify(token, key, {
        ...{ issuer, audience: [audience, resource.uri()], algorithms: ["EdDSA"], typ: "at+jwt" },
        requiredClaims: ["sub", "exp", "iat", "tenant_id", "permissions", "sid"],
        currentDate: new Date(clock.nowMs()),
      });
      return toSignedToken(kid, payload, audience, clock.monotonicMs());
    } catch (err) {
      if (err instanceof errors.JOSEError) return undefined;
      throw err;
    }
  }

  async function verifyAnew(token: string, path: string | undefined): Promise<Caller | undefined> {
    const found = await verify(token);
    if (!found) return undefined;
    signed.set(token, found);
    return callerOfSigned(found, path);
  }

  function callerOfSigned(
    found: SignedToken,
    path: string | undefined,
  ): Caller | undefined | Promise<Caller | undefined> {
    const caller = sessions.callerOf(found.sessionId);
    const current = caller instanceof Promise ? caller.then((one) => catchUp(found, one)) : catchUp(found, caller);
    const judge = (one: Caller | undefined) => callerAt(path, found, ownCaller(found, one));
    return current instanceof Promise ? current.then(judge) : judge(current);
  }

  /** Who has just proven who they are comes back at once, maybe before the event that tells it. */
  function catchUp(found: SignedToken, caller: Caller | undefined): Caller | undefined | Promise<Caller | undefined> {
    const isBehind = caller !== undefined && Math.floor(caller.provenMs / 1_000) * 1_000 < found.provenAtMs;
    return isBehind ? sessions.callerOf(found.sessionId, found.seenMs) : caller;
  }

  /** One object for as long as the session's is one. */
  function withScopes(caller: Caller, scopes: readonly string[]): Caller {
    const known = scoped.get(caller) ?? new Map<string, Caller>();
    scoped.set(caller, known);
    const name = scopes.join(" ");
    const found = known.get(name) ?? {
      ...caller,
      permissions: scopes.filter((scope) => permits(caller.permissions, scope)),
    };
    known.set(name, found);
    return found;
  }

  function callerAt(path: string | undefined, { scopes }: SignedToken, caller: Caller | undefined): Caller | undefined {
    if (!caller || scopes === undefined) return caller;
    return path === resource.path ? withScopes(caller, scopes) : undefined;
  }

  return {
    callerOf(token, path) {
      const known = signed.get(token);
      if (!known || !keySets.isFresh()) return verifyAnew(token, path);
      if (known.expiresAtMs <= clock.nowMs()) {
        signed.delete(token);
        return undefined;
      }
      return callerOfSigned(known, path);
    },
  };
}

/** A session is no good for a token that names another's. */
function ownCaller({ tenantId, userId }: SignedToken, caller: Caller | undefined): Caller | undefined {
  return caller && caller.userId === userId && caller.tenantId === tenantId ? caller : undefined;
}

function readKid(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token);
    return typeof kid === "string" && kid.length <= 64 ? kid : undefined;
  } catch {
    return undefined;
  }
}

function toSignedToken(
  kid: string,
  payload: Readonly<Record<string, unknown>>,
  ownAudience: string,
  seenMs: number,
): SignedToken | undefined {
  const { aud } = payload;
  if (typeof aud !== "string") return undefined;
  const { sub: userId, sid: sessionId, tenant_id: tenantId, permissions, exp, proven_at: provenAt } = payload;
  if (typeof userId !== "string" || typeof sessionId !== "string" || typeof tenantId !== "string") return undefined;
  if (userId === "" || sessionId === "" || tenantId === "" || typeof exp !== "number") return undefined;
  // Not what counts, but whoever signs a token for a person says it like that.
  if (!Array.isArray(permissions) || !permissions.every((permission) => typeof permission === "string"))
    return undefined;
  const provenAtMs = typeof provenAt === "number" ? provenAt * 1_000 : 0;
  const scopes = aud === ownAudience ? undefined : permissions;
  return { kid, sessionId, tenantId, userId, expiresAtMs: exp * 1_000, provenAtMs, seenMs, scopes };
}
