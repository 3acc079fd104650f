import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { guardrailFailures } from "@lyss/contracts/failures/ai-gateway-guardrails.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { originOf } from "../model.ts";
import { platformTenantId } from "../ops/load-providers.ts";
import { sealProviderKey } from "../seal-provider-key.ts";
import type { Guardrail, GuardrailName, GuardrailSpec } from "./guardrail.ts";

type Deps = Pick<AiGatewayDeps, "guardrails" | "catalog" | "credential" | "random">;

export interface GuardrailToPut extends GuardrailName {
  /** As it was said, with its secret. */
  readonly spec: GuardrailSpec;
  readonly expectedVersion: number | undefined;
}

const guard = createAddressGuard();

/**
 * `Guardrails.put`, for what asks others, too: its secret is sealed and good for its address alone. Throws also `webhook_address_refused` for a
 * tenant's address that is not public, `guardrail_secret_needed`, `model_not_found` for a model that the tenant has not, and
 * `guardrail_of_tenant`.
 */
export async function putGuardrail(deps: Deps, given: GuardrailToPut): Promise<Guardrail> {
  const { guardrails } = deps;
  requireAskable(deps, given);
  const before = guardrails.find(given);
  const { spec, secret } = withoutSecret(given.spec);
  const credentialId = await credentialOf(deps, { ...given, spec }, secret, before);
  let put: Guardrail;
  try {
    put = await guardrails.put({ ...given, spec, credentialId });
  } catch (err) {
    if (credentialId !== before?.credentialId) await revoke(deps, given.tenantId, credentialId);
    throw err;
  }
  if (before && before.credentialId !== credentialId) await revoke(deps, given.tenantId, before.credentialId);
  return put;
}

/** `Guardrails.remove`; its secret is destroyed. Throws `guardrail_not_found`. */
export async function removeGuardrail(deps: Deps, named: GuardrailName): Promise<void> {
  const before = deps.guardrails.find(named);
  await deps.guardrails.remove(named);
  if (before) await revoke(deps, named.tenantId, before.credentialId);
}

function requireAskable({ catalog }: Deps, { tenantId, spec }: GuardrailToPut): void {
  if (spec.kind === "webhook" && tenantId !== "") {
    const reason = guard.refuse(new URL(spec.url));
    if (reason) {
      const details = { reason: reason.en_US, reason_zh_CN: reason.zh_CN };
      throw new Failure(guardrailFailures.webhook_address_refused, details);
    }
  }
  if (spec.kind === "model") {
    if (tenantId === "") throw new Failure(guardrailFailures.guardrail_of_tenant);
    if (!catalog.findOffer(tenantId, spec.model)) {
      throw new Failure(aiGatewayFailures.model_not_found, { model: spec.model });
    }
  }
}

/** What is kept of a rule, and the secret that was said with it: undefined for nothing, null for none. */
function withoutSecret(given: GuardrailSpec): { spec: GuardrailSpec; secret: string | null | undefined } {
  if (given.kind !== "webhook") return { spec: given, secret: null };
  const { secret, ...spec } = given;
  return { spec, secret };
}

/** A credential of its own for each secret that is said: what is sealed for a change that fails is nobody's. */
async function credentialOf(
  deps: Deps,
  { tenantId, name, spec }: GuardrailToPut,
  secret: string | null | undefined,
  before: Guardrail | undefined,
): Promise<string> {
  if (spec.kind !== "webhook" || secret === null) return "";
  if (secret !== undefined) {
    const payee = `guardrail:${name}:${deps.random.id("sec")}`;
    const key = { tenantId: tenantId || platformTenantId, name: payee, apiKey: secret, baseUrl: spec.url };
    return sealProviderKey(deps, key);
  }
  if (before?.spec.kind !== "webhook" || before.credentialId === "") return "";
  const [origin, now] = [originOf({ baseUrl: before.spec.url }), originOf({ baseUrl: spec.url })];
  if (origin !== now) throw new Failure(guardrailFailures.guardrail_secret_needed, { name, origin });
  return before.credentialId;
}

async function revoke({ credential }: Deps, tenantId: string, credentialId: string): Promise<void> {
  if (credentialId !== "") await credential.revokeCredential({ tenantId: tenantId || platformTenantId, credentialId });
}
