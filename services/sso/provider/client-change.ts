import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { SsoDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import { requirePublicAddress } from "../party-change.ts";
import { sha256 } from "../sealed.ts";
import { type Client, isPrivateReturn } from "./client-model.ts";

/** Which client, and at which version; undefined when any will do. */
export interface ClientChange {
  readonly tenantId: string;
  readonly clientId: string;
  readonly expectedVersion: number | undefined;
  readonly author: Author;
}

/** A client, and its secret where it has a new one. */
export interface ClientWithSecret {
  readonly client: Client;
  readonly secret: Secret | undefined;
}

/** 256 random bits: a plain hash of it is as good as a slow one. */
export function newSecret(random: Random): { readonly secret: Secret; readonly secretHash: Buffer } {
  const text = `lyss_cs_${random.bytes(32).toString("base64url")}`;
  return { secret: new Secret(text), secretHash: sha256(text) };
}

/** Throws `client_not_found` and `client_version_mismatch`. */
export function requireClient<Row extends Client>(row: Row | undefined, expected: number | undefined): Row {
  if (!row) throw new Failure(ssoFailures.client_not_found);
  if (expected !== undefined && expected !== row.version) {
    throw new Failure(ssoFailures.client_version_mismatch, { current: row.version, expected });
  }
  return row;
}

/** Throws `kit.invalid_request` for a scheme of its own of a client that is to keep a secret: it cannot be on people's machines. */
export function requireReturns({ isConfidential, redirectUris, postLogoutRedirectUris }: Client): void {
  if (!isConfidential) return;
  const fields = { redirect_uris: redirectUris, post_logout_redirect_uris: postLogoutRedirectUris };
  const [field] = Object.entries(fields).find(([, uris]) => uris.some(isPrivateReturn)) ?? [];
  if (field === undefined) return;
  throw new Failure(kitFailures.invalid_request, {
    field,
    reason: "may have a scheme of their own only for a public client",
    reason_zh_CN: "仅公开客户端可使用自有 scheme",
  });
}

/** Throws `address_refused` for an address at which no program may be told of logouts. */
export function requireLogoutAddress({ guard }: Pick<SsoDeps, "guard">, { backchannelLogoutUri: uri }: Client): void {
  if (uri !== null) requirePublicAddress({ guard }, "backchannel_logout_uri", uri);
}

/** What events tell of a client. */
export function toClientMessage(client: Client, { userId, clientAddress }: Author, isRotated: boolean) {
  const { clientId, tenantId, name, isConfidential, redirectUris, scopes, version, updatedAt } = client;
  return {
    ...{ clientId, tenantId, name, isConfidential, version: BigInt(version), actorId: userId, clientAddress },
    ...{ redirectUris: [...redirectUris], scopes: [...scopes], isRotated, changedAt: timestampFromDate(updatedAt) },
    backchannelLogoutUri: client.backchannelLogoutUri ?? "",
  };
}
