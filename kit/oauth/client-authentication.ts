import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

/** Who a client says it is, and its proof: its secret, or what it has signed (RFC 7523). */
export interface ClientProof {
  readonly clientId: string;
  readonly proof:
    | { readonly kind: "secret"; readonly secret: Secret }
    | { readonly kind: "assertion"; readonly assertion: Secret };
}

export interface ShownProof {
  /** The header `Authorization`; undefined when there is none. */
  readonly authorization: string | undefined;
  /** `client_id` and `client_secret` of the form. */
  readonly clientId: string | undefined;
  readonly clientSecret: Secret | undefined;
  /** `client_assertion`, whose type says that it is a JWT. */
  readonly clientAssertion: Secret | undefined;
}

/** The value of `client_assertion_type` for JWTs. */
export const jwtAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const basic = /^basic +([a-z0-9+/]+={0,2}) *$/i;
const maxHeaderLength = 2_048;
const maxIdLength = 100;

/**
 * The proof of a client, by `client_secret_basic`, `client_secret_post` (RFC 6749, 2.3.1) or `private_key_jwt` (RFC 7523, 2.2);
 * undefined where none, or none that can be read, are shown. An assertion is not checked here. Throws `kit.invalid_request` where
 * two ways are used at once, or two clients are named.
 */
export function readClientProof(shown: ShownProof): ClientProof | undefined {
  const { authorization, clientId, clientSecret, clientAssertion } = shown;
  if (clientAssertion) {
    if (authorization !== undefined || clientSecret) throw ambiguous("client_assertion");
    return named(clientId, readSubject(clientAssertion.reveal()), { kind: "assertion", assertion: clientAssertion });
  }
  if (authorization === undefined) {
    return clientId && clientSecret ? { clientId, proof: { kind: "secret", secret: clientSecret } } : undefined;
  }
  if (clientSecret) throw ambiguous("client_secret");
  const found = readBasic(authorization);
  return found && named(clientId, found.clientId, { kind: "secret", secret: found.secret });
}

function named(inForm: string | undefined, clientId: string | undefined, proof: ClientProof["proof"]) {
  if (clientId === undefined) return undefined;
  if (inForm !== undefined && inForm !== clientId) throw ambiguous("client_id");
  return { clientId, proof };
}

/** Whom a JWT is about, as it says itself. */
function readSubject(jwt: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
    const sub = typeof claims === "object" && claims !== null && "sub" in claims ? claims.sub : undefined;
    return typeof sub === "string" && sub !== "" && sub.length <= maxIdLength ? sub : undefined;
  } catch {
    return undefined;
  }
}

function readBasic(header: string): { readonly clientId: string; readonly secret: Secret } | undefined {
  const encoded = header.length <= maxHeaderLength ? basic.exec(header)?.[1] : undefined;
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  const [clientId, secret] = [readFormText(text.slice(0, Math.max(0, colon))), readFormText(text.slice(colon + 1))];
  return clientId && secret ? { clientId, secret: new Secret(secret) } : undefined;
}

/** Both halves are encoded like fields of a form. */
function readFormText(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function ambiguous(field: string): Failure {
  return new Failure(kitFailures.invalid_request, {
    field,
    reason: "contradicts another proof that is shown: a client shows who it is in one way",
    reason_zh_CN: "与另一种凭据冲突：客户端只能以一种方式出示凭据",
  });
}
