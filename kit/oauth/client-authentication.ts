import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

/** Who a client says it is, and its proof. */
export interface ClientProof {
  readonly clientId: string;
  readonly clientSecret: Secret;
}

export interface ShownProof {
  /** The header `Authorization`; undefined when there is none. */
  readonly authorization: string | undefined;
  /** `client_id` and `client_secret` of the form. */
  readonly clientId: string | undefined;
  readonly clientSecret: Secret | undefined;
}

const basic = /^basic +([a-z0-9+/]+={0,2}) *$/i;
const maxHeaderLength = 2_048;

/**
 * The proof of a client, by `client_secret_basic` or `client_secret_post` (RFC 6749, 2.3.1); undefined where none, or none
 * that can be read, are shown. Throws `kit.invalid_request` where both ways are used at once, or the form names another client.
 */
export function readClientProof(shown: ShownProof): ClientProof | undefined {
  const { authorization, clientId, clientSecret } = shown;
  if (authorization === undefined) return clientId && clientSecret ? { clientId, clientSecret } : undefined;
  if (clientSecret) throw ambiguous("client_secret");
  const found = readBasic(authorization);
  if (found && clientId !== undefined && clientId !== found.clientId) throw ambiguous("client_id");
  return found;
}

function readBasic(header: string): ClientProof | undefined {
  const encoded = header.length <= maxHeaderLength ? basic.exec(header)?.[1] : undefined;
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  const [clientId, secret] = [readFormText(text.slice(0, Math.max(0, colon))), readFormText(text.slice(colon + 1))];
  return clientId && secret ? { clientId, clientSecret: new Secret(secret) } : undefined;
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
    reason: "must not contradict the Authorization header: a client shows its proof in one way",
    reason_zh_CN: "不得与 Authorization 请求头冲突：客户端只能以一种方式出示凭据",
  });
}
