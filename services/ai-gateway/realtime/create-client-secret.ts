import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ephemeralKeyResource } from "@lyss/contracts/access/resources.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import { readClientEvent, transcriberIn } from "./client-event.ts";
import { findSpeakers } from "./find-speakers.ts";

/** What a browser's session is to be. */
export interface SessionWish {
  readonly type: "realtime";
  readonly model: string;
  readonly [setting: string]: unknown;
}

export interface CreateClientSecretInput {
  readonly caller: Caller;
  readonly session: SessionWish;
  /** 10 to 7,200. */
  readonly ttlSeconds: number;
}

export interface ClientSecret {
  readonly value: string;
  readonly expiresAtMs: number;
  readonly sessionId: string;
  readonly session: SessionWish;
}

/** A key makes no more of them before the first have expired. */
const maxPerKey = 10_000;

/**
 * An ephemeral key: a secret that opens realtime sessions of one model in a key's name until it expires, each of which begins with the settings that
 * are given here. They are looked at as a session's first event is. It may use the session's model, and the one that it names for transcriptions. Throws
 * `client_secret_needs_key` for who does not call by an API key, `client_secrets_exceeded`, `model_not_found`, and `invalid_request` for
 * what a session would be refused; whether its provider holds sessions of the model is asked when one is opened. A repeat makes another.
 */
export async function createClientSecret(
  deps: AiGatewayDeps,
  { caller, session, ttlSeconds }: CreateClientSecretInput,
): Promise<ClientSecret> {
  const { tenantId, keyId } = caller;
  const { model } = session;
  if (keyId === "" || caller.sessionId !== "") throw new Failure(connectionFailures.client_secret_needs_key);
  requireUnguarded(deps, caller, { model, tags: "" });
  const [target] = (await findSpeakers(deps, caller, { model, tags: "" })).targets;
  const update = Buffer.from(JSON.stringify({ type: "session.update", session }));
  readClientEvent(update, { catalog: deps.catalog, caller, model, target });
  const held = await deps.ephemeralSessions.countOf(keyId, maxPerKey);
  if (held >= maxPerKey) throw new Failure(connectionFailures.client_secrets_exceeded, { limit: maxPerKey });
  const transcriber = transcriberIn(session);
  const named = [deps.callDefaults.modelOf(caller, model), ...(typeof transcriber === "string" ? [transcriber] : [])];
  const models = new Set(named);
  const asked = { tenantId, keyId, permissions: [...ephemeralKeyResource.permissions], models: [...models] };
  const { ephemeralKeyId, secret, expiresAt } = await deps.auth.createEphemeralKey({ ...asked, ttlSeconds });
  const expiresAtMs = expiresAt ? timestampMs(expiresAt) : 0;
  await deps.ephemeralSessions.keep({
    ...{ ephemeralKeyId, tenantId, keyId, model, settings: session, expiresAt: new Date(expiresAtMs) },
  });
  return { value: secret, expiresAtMs, sessionId: deps.random.id("sess"), session };
}
