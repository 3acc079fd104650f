import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { CredentialCache } from "../../credential-cache.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";

/** Short-lived tokens of Google Cloud for keys of service accounts. */
export interface AccessTokens {
  /**
   * A token that is good for at least a minute. Calls that come together ask for one; it is asked for anew five minutes before its end, and the old one
   * goes on meanwhile. `secret` is the file of a service account, as JSON; any other secret is a token already and is given back. Throws
   * `upstream_unauthorized` where Google refuses the account, and `upstream_failed` where it does not answer as it should.
   */
  tokenOf(secret: string, provider: string): string | Promise<string>;
}

export interface AccessTokensDeps {
  readonly clock: Clock;
  readonly fetch: GuardedFetch;
  /** Where tokens are lent; never what a file says, since tenants write these. */
  readonly tokenUrl: string;
}

interface Lent {
  token: string;
  expiresAtMs: number;
  flight: Promise<string> | undefined;
}

const scope = "https://www.googleapis.com/auth/cloud-platform";
const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const assertionSeconds = 3_600;
const refreshBeforeMs = 300_000;
const leastLeftMs = 60_000;
const maxAccounts = 10_000;

export function createAccessTokens({ clock, fetch, tokenUrl }: AccessTokensDeps): AccessTokens {
  const known = new Map<string, Lent>();

  function find(secret: string): Lent {
    const key = createHash("sha256").update(secret).digest("base64");
    const found = known.get(key);
    if (found) return found;
    const [oldest] = known.keys();
    if (known.size === maxAccounts && oldest !== undefined) known.delete(oldest);
    const lent: Lent = { token: "", expiresAtMs: 0, flight: undefined };
    known.set(key, lent);
    return lent;
  }

  async function borrow(secret: string, lent: Lent, provider: string): Promise<string> {
    const assertion = toAssertion(readAccount(secret, provider), tokenUrl, clock.nowMs());
    const refused = new Failure(aiGatewayFailures.upstream_unauthorized, { model: provider });
    const failed = (cause: unknown) => new Failure(aiGatewayFailures.upstream_failed, { model: provider }, { cause });
    const answer = await fetch(new URL(tokenUrl), {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams({ grant_type: grantType, assertion }).toString(),
    }).catch((cause: unknown) => {
      throw failed(cause);
    });
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw refused;
    const json: unknown = await answer.json().catch(() => undefined);
    const token = textOf(json, "access_token");
    const seconds = countOf(json, "expires_in");
    if (answer.status !== 200 || !/^[\x21-\x7e]+$/.test(token) || seconds === undefined) throw failed(undefined);
    lent.token = token;
    lent.expiresAtMs = clock.nowMs() + seconds * 1_000;
    return token;
  }

  return {
    tokenOf(secret, provider) {
      if (!secret.trimStart().startsWith("{")) return secret.trim();
      const lent = find(secret);
      const leftMs = lent.expiresAtMs - clock.nowMs();
      if (leftMs > refreshBeforeMs) return lent.token;
      lent.flight ??= borrow(secret, lent, provider).finally(() => {
        lent.flight = undefined;
      });
      if (leftMs <= leastLeftMs) return lent.flight;
      // Whoever comes after the end hears what is wrong.
      lent.flight.catch(() => undefined);
      return lent.token;
    },
  };
}

/** Secrets as providers take them: on Vertex, what a service account's key is lent for. */
export function withAccessTokens(credentials: CredentialCache, tokens: AccessTokens): CredentialCache {
  return {
    ...credentials,
    secretOf(provider) {
      const secret = credentials.secretOf(provider);
      if (provider.dialect !== "vertex") return secret;
      if (typeof secret === "string") return tokens.tokenOf(secret, provider.name);
      return secret.then((opened) => tokens.tokenOf(opened, provider.name));
    },
  };
}

interface Account {
  readonly email: string;
  readonly keyId: string;
  readonly key: KeyObject;
}

/** The file that Google Cloud gives for a service account. */
function readAccount(secret: string, provider: string): Account {
  try {
    const json: unknown = JSON.parse(secret);
    const key = createPrivateKey(textOf(json, "private_key"));
    const email = textOf(json, "client_email");
    if (fieldOf(json, "type") === "service_account" && key.asymmetricKeyType === "rsa" && email !== "") {
      return { email, keyId: textOf(json, "private_key_id"), key };
    }
  } catch {
    // Told below: the text of such an error may quote the key.
  }
  throw new Failure(aiGatewayFailures.upstream_unauthorized, { model: provider });
}

/** RFC 7523; developers.google.com/identity/protocols/oauth2/service-account. */
function toAssertion({ email, keyId, key }: Account, audience: string, nowMs: number): string {
  const encode = (json: object) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const iat = Math.floor(nowMs / 1_000);
  const header = { alg: "RS256", typ: "JWT", ...(keyId !== "" && { kid: keyId }) };
  const claims = { iss: email, scope, aud: audience, iat, exp: iat + assertionSeconds };
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
}
