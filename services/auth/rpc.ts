import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AuthService, SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { z } from "zod";
import { clientFields } from "./clients/client-model.ts";
import { factorFields } from "./factors/factor-model.ts";
import { fromLimits, limitsInput, statusInput, wordsInput } from "./key-inputs.ts";
import { fromEndReason, toKeyMessage, toSessionMessage, toStartedMessage, toVerdictMessage } from "./messages.ts";
import { type Key, keyFields } from "./model.ts";
import type { AuthOps } from "./ops.ts";
import { toRoleMessage } from "./roles/role-messages.ts";
import { sessionBounds } from "./session-model.ts";

/** As long as all headers of a request may be together: whatever a client shows as its key is told to be one or not. */
const maxShownSecretLength = 65_536;
/** One that is left out holds nothing. */
const grantor = z
  .object({
    userId: optionalIdInput,
    keyId: optionalIdInput,
    permissions: z.array(z.string().max(80)).max(1_000),
    models: z.array(z.string().max(200)).max(1_000),
  })
  .default({ userId: "", keyId: "", permissions: [], models: [] });
const role = z.string().min(1).max(32);
const clientAddress = z.string().max(sessionBounds.maxAddressLength);
const cutUserAgent = (text: string) => text.slice(0, sessionBounds.maxUserAgentLength);
const reference = { tenantId: idInput, keyId: idInput, userId: optionalIdInput };
const inputs = {
  startSession: {
    ...{ userId: idInput, tenantId: idInput, role, clientAddress },
    methods: z.array(z.string().min(1).max(sessionBounds.maxMethodLength)).min(1).max(sessionBounds.maxMethods),
    userAgent: z.string().max(maxShownSecretLength).transform(cutUserAgent),
    notAfter: timestampInput,
  },
  stepUp: { tenantId: idInput, userId: idInput, sessionId: idInput, clientAddress },
  startImpersonation: {
    ...{ userId: idInput, tenantId: idInput, role, operatorId: idInput, operatorSessionId: idInput, clientAddress },
    operatorPermissions: z.array(z.string().max(80)).max(1_000),
    reason: z.string().trim().min(1).max(500),
    userAgent: z.string().max(maxShownSecretLength).transform(cutUserAgent),
  },
  createClientToken: {
    clientId: clientFields.shownId,
    clientSecret: z.string().max(maxShownSecretLength),
    clientAssertion: clientFields.shownAssertion,
    ...{ scope: clientFields.scope, clientAddress },
  },
  createResourceToken: {
    ...{ sessionId: idInput, userId: idInput, clientId: z.string().min(1).max(500), audience: z.url().max(2_048) },
    ...{ scopes: z.array(z.string().max(80)).min(1).max(20), ttlSeconds: z.int().min(1).max(900) },
  },
  refreshSession: { refreshToken: z.string().max(maxShownSecretLength), clientAddress },
  checkSession: { sessionId: z.string().max(maxShownSecretLength) },
  endSessions: {
    ...{ tenantId: idInput, userId: idInput, sessionId: optionalIdInput, exceptSessionId: optionalIdInput },
    ...{ reason: z.enum(SessionEndReason), actorId: optionalIdInput, clientAddress },
  },
  setPrincipal: {
    ...{ tenantId: idInput, userId: optionalIdInput, role: z.string().max(32), isBarred: z.boolean() },
    version: z.bigint().min(0n),
  },
  listRoles: { tenantId: idInput },
  getJwks: {},
  createKey: {
    ...{ tenantId: idInput, userId: optionalIdInput, name: keyFields.name, permissions: keyFields.permissions },
    ...{ models: keyFields.models, expiresAt: timestampInput, grantor },
    ...{ description: keyFields.description, limits: limitsInput },
  },
  getKey: reference,
  listKeys: {
    ...{ tenantId: idInput, userId: optionalIdInput, ...pageInputs },
    ...{ status: statusInput, namePrefix: z.string().max(100) },
  },
  verifyChallenge: {
    challengeToken: z
      .string()
      .max(200)
      .transform((text) => new Secret(text)),
    code: factorFields.shownCode,
    clientAddress: z.string().max(64),
  },
  revokeKey: reference,
  rotateKey: { ...reference, graceSeconds: keyFields.graceSeconds, grantor },
  updateKey: {
    ...{ ...reference, grantor, name: keyFields.name.optional(), description: keyFields.description.optional() },
    ...{ permissions: wordsInput(keyFields.permissions), models: wordsInput(keyFields.models) },
    ...{ expiry: z.object({ expiresAt: timestampInput }).optional(), limits: limitsInput },
  },
  reportLeakedKeys: { secrets: z.array(z.string().max(1_024)).min(1).max(100), clientAddress: z.string().max(64) },
  countAccess: {},
  createEphemeralKey: {
    ...{ tenantId: idInput, keyId: idInput, permissions: z.array(z.string().min(1).max(80)).min(1).max(8) },
    ...{ models: z.array(z.string().min(1).max(200)).min(1).max(8), ttlSeconds: z.int().min(10).max(7_200) },
  },
  noteLimitReached: {
    ...{ tenantId: idInput, subject: z.enum(["user", "group"]), subjectId: idInput },
    ...{ of: z.enum(["requests", "concurrent"]), userId: optionalIdInput, keyId: optionalIdInput },
  },
  verifyKey: { secret: z.string().max(maxShownSecretLength) },
} satisfies MethodInputs<typeof AuthService>;

/** AuthService on the operations. */
export function createAuthRpc(ops: AuthOps, clock: Clock): CheckedRpc<typeof AuthService> {
  const toMessage = (key: Key) => toKeyMessage(key, clock.nowMs());
  return createRpc(AuthService, inputs, {
    startSession: async (request) => toStartedMessage(await ops.beginSession(request)),
    async verifyChallenge({ challengeToken, code, clientAddress }) {
      const method = code.length === 6 ? "totp" : "recovery_code";
      return { tokens: await ops.verifyChallenge({ challengeToken, proof: { method, code }, clientAddress }) };
    },
    stepUp: (request) => ops.stepUpByPassword(request),
    async refreshSession({ refreshToken, ...request }) {
      return { tokens: await ops.refreshSession({ ...request, refreshToken: new Secret(refreshToken) }) };
    },
    startImpersonation: (request) => ops.startImpersonation(request),
    createClientToken: ({ clientSecret, clientAssertion, ...request }) => {
      const proof = clientAssertion
        ? ({ kind: "assertion", assertion: new Secret(clientAssertion) } as const)
        : ({ kind: "secret", secret: new Secret(clientSecret) } as const);
      return ops.createClientToken({ ...request, proof });
    },
    createResourceToken: (request) => ops.createResourceToken(request),
    checkSession: async (request) => toSessionMessage(await ops.checkSession(request)),
    endSessions: ({ sessionId, exceptSessionId, reason, ...request }) =>
      ops.endSessions({
        ...{ ...request, reason: fromEndReason(reason) },
        ...{ sessionId: sessionId || undefined, exceptSessionId: exceptSessionId || undefined },
      }),
    setPrincipal: (request) => ops.setPrincipal(request),
    listRoles: async (request) => ({ roles: (await ops.listRolesOf(request)).map(toRoleMessage) }),
    async getJwks() {
      const { keys, issuer, audience } = ops.getJwks();
      return { keys: [...keys], issuer, audience };
    },
    async createKey(request) {
      const limits = request.limits && fromLimits(request.limits);
      const { key, secret } = await ops.createKey({ ...request, limits });
      return { key: toMessage(key), secret: secret.reveal() };
    },
    getKey: async (request) => ({ key: toMessage(await ops.getKey(toReference(request))) }),
    async listKeys({ tenantId, userId, status, namePrefix, ...request }) {
      const filter = { tenantId, userId: userId || undefined, status, namePrefix: namePrefix || undefined };
      const page = await ops.listKeys({ ...filter, ...fromPageRequest(request) });
      return { keys: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async revokeKey(request) {
      const author = { userId: currentContext()?.caller?.userId ?? "", clientAddress: "" };
      return { key: toMessage(await ops.revokeKey({ ...toReference(request), author })) };
    },
    async rotateKey(request) {
      const { key, secret } = await ops.rotateKey({ ...request, ...toReference(request) });
      return { key: toMessage(key), secret: secret.reveal() };
    },
    async updateKey({ grantor: by, name, description, permissions, models, expiry, limits, ...request }) {
      const changes = {
        ...{ name, description, permissions: permissions?.words, models: models?.words },
        ...{ expiresAt: expiry?.expiresAt, limits: limits && fromLimits(limits) },
      };
      return { key: toMessage(await ops.updateKey({ ...toReference(request), changes, grantor: by })) };
    },
    async reportLeakedKeys({ secrets, clientAddress }) {
      const isOurs = await ops.reportLeakedKeys({ secrets: secrets.map((text) => new Secret(text)), clientAddress });
      return { isOurs: [...isOurs] };
    },
    async countAccess() {
      const { sessions, keys } = await ops.countAccess();
      return { sessions: BigInt(sessions), keys: BigInt(keys) };
    },
    async createEphemeralKey(request) {
      const { ephemeralKeyId, secret, expiresAt } = await ops.createEphemeralKey(request);
      return { ephemeralKeyId, secret: secret.reveal(), expiresAt: timestampFromDate(expiresAt) };
    },
    noteLimitReached: async (request) => ({ isTold: await ops.noteLimitReached(request) }),
    verifyKey: async ({ secret }) => ({
      result: toVerdictMessage(await ops.verifyKey({ secret: new Secret(secret) })),
    }),
  });
}

function toReference({ tenantId, keyId, userId }: { tenantId: string; keyId: string; userId: string }) {
  return { tenantId, keyId, userId: userId || undefined };
}
