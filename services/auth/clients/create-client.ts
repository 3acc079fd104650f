import { serviceClientCreated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { AuthDeps } from "../deps.ts";
import { generateSecret, hashKeySecret, prefixOf } from "../key-secret.ts";
import type { Grantor } from "../model.ts";
import { requireHeld, requireTerm } from "../require-held.ts";
import { type ClientKeysInput, readClientKeys } from "./client-jwks.ts";
import { toClientCreated } from "./client-messages.ts";
import { type ClientId, clientSecretPrefix, hasKeys, maxClientsPerTenant, type ServiceClient } from "./client-model.ts";

export interface CreateServiceClientInput {
  readonly tenantId: string;
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
  /** Empty for all that the grantor may use. */
  readonly models: readonly string[];
  readonly allowedIps: readonly string[];
  readonly expiresAt: Date | null;
  /** By which it signs; a secret is made where none are given. */
  readonly keys: ClientKeysInput;
  readonly grantor: Grantor;
  readonly clientAddress: string;
}

/** A client and its secret, which is shown this once; none where it signs. */
export interface ClientWithSecret {
  readonly client: ServiceClient;
  readonly secret: Secret | undefined;
}

/**
 * Makes a program of the tenant known. Throws `permission_not_held`, `model_not_held`, `expiry_not_held`, `key_limited` or
 * `client_gives_nothing` when it would have more than its grantor, `expiry_in_past`, and `kit.invalid_request` beyond 1,000
 * clients and for keys that are none. A repeat creates another, unless it comes with the same idempotency key.
 */
export async function createServiceClient(deps: AuthDeps, input: CreateServiceClientInput): Promise<ClientWithSecret> {
  const { idempotency, clients, outbox, clock, random, clientPepper } = deps;
  const { tenantId, name, description, permissions, allowedIps, grantor, clientAddress } = input;
  const models = input.models.length > 0 ? input.models : grantor.models;
  requireHeld(grantor, { permissions, models });
  const createdAt = new Date(clock.nowMs());
  const expiresAt = await requireTerm(deps, { tenantId, grantor, wanted: input.expiresAt });
  if (expiresAt && expiresAt <= createdAt) throw new Failure(authFailures.expiry_in_past);
  const keys = readClientKeys(deps, input.keys);
  const secret = hasKeys(keys) ? "" : generateSecret(random, clientSecretPrefix);
  const clientId = random.id("svc") as ClientId;
  const created: ServiceClient = {
    ...{ clientId, tenantId, name, description, prefix: secret && prefixOf(secret), permissions, models, allowedIps },
    ...{ createdAt, createdBy: grantor.userId, updatedAt: createdAt, grantedBy: grantor.userId },
    ...{ expiresAt, disabledAt: null, lastUsedAt: null, ...keys },
  };
  const asked = { ...input, grantor: { userId: grantor.userId, permissions, models } };
  const answer = await idempotency.run(
    { operation: "createServiceClient", scope: tenantId, input: asked },
    async (tx) => {
      if ((await clients.countClients(tx, tenantId)) >= maxClientsPerTenant) throw tooMany();
      await clients.insertClient(tx, created);
      const secretHash = hashKeySecret(clientPepper, secret);
      if (secret) await clients.insertSecret(tx, { clientId, secretHash, createdAt });
      await outbox.append(tx, serviceClientCreated, toClientCreated(created, clientAddress));
      return { client: created, secret };
    },
  );
  return { client: answer.client, secret: answer.secret ? new Secret(answer.secret) : undefined };
}

function tooMany(): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "name",
    reason: `is one too many: an organisation has at most ${maxClientsPerTenant} service clients`,
    reason_zh_CN: `数量过多：每个组织最多有 ${maxClientsPerTenant} 个服务客户端`,
  });
}
