import { timestampMs } from "@bufbuild/protobuf/wkt";
import { aiGatewayPersonErased, aiGatewayPersonExported } from "@lyss/contracts/events/ai-gateway.ts";
import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { auditPersonErased, auditPersonExported } from "@lyss/contracts/events/audit.ts";
import {
  authPersonErased,
  authPersonExported,
  keyCreated,
  keyRevoked,
  keyUpdated,
} from "@lyss/contracts/events/auth.ts";
import { billingPersonExported, budgetThresholdReached } from "@lyss/contracts/events/billing.ts";
import { groupPersonErased, groupPersonExported } from "@lyss/contracts/events/group.ts";
import { ssoPersonErased, ssoPersonExported } from "@lyss/contracts/events/sso.ts";
import { tenantPersonExported } from "@lyss/contracts/events/tenant.ts";
import { userPersonExported } from "@lyss/contracts/events/user.ts";
import {
  type KeyCreated,
  KeyRevocationReason,
  type KeyRevoked,
  type KeyUpdated,
  type PersonErased,
} from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BudgetScope, type BudgetThresholdReached } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import type { PersonExported } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import type { ReceivedEvent, Subscription } from "@lyss/kit/events/event.ts";
import { authActEvents, toAuthAct } from "./auth-acts.ts";
import { namesOf, resetAtOf } from "./budget-names.ts";
import type { UserDeps } from "./deps.ts";
import type { UserOps } from "./ops.ts";
import { followSignOnRules } from "./sign-on-rules.ts";

/** What tells that a service has forgotten somebody. */
export const erasures = [
  { service: "ai-gateway", event: aiGatewayPersonErased },
  { service: "audit", event: auditPersonErased },
  { service: "auth", event: authPersonErased },
  { service: "group", event: groupPersonErased },
  { service: "sso", event: ssoPersonErased },
] as const;

/** What tells what a service keeps of somebody. */
export const exports = [
  { service: "ai-gateway", event: aiGatewayPersonExported },
  { service: "audit", event: auditPersonExported },
  { service: "auth", event: authPersonExported },
  { service: "billing", event: billingPersonExported },
  { service: "group", event: groupPersonExported },
  { service: "sso", event: ssoPersonExported },
  { service: "tenant", event: tenantPersonExported },
  { service: "user", event: userPersonExported },
] as const;

/**
 * What user hears: what happens to people's keys, factors and sessions, for their audit logs, and who signs on from elsewhere.
 * Who has forgotten those who are gone, and which budgets of people reach a mark. One subscription each, so that it stays in order.
 */
export function createUserSubscriptions(
  ops: UserOps,
  parts: Pick<UserDeps, "outbox" | "random">,
): readonly Subscription[] {
  return [
    {
      mode: "durable",
      name: "audit-keys",
      events: [keyCreated, keyUpdated, keyRevoked, ...authActEvents],
      handle(tx, event) {
        const act = toAuthAct(event);
        return act ? ops.auditAuthAct(tx, act) : ops.auditKeyAct(tx, toKeyAct(event));
      },
    },
    followSignOnRules(ops),
    {
      mode: "durable",
      name: "note-erased",
      events: erasures.map(({ event }) => event),
      async handle(tx, { type, timeMs, data }) {
        const { userId } = data as PersonErased;
        const service = erasures.find(({ event }) => event.type === type)?.service;
        if (service) await ops.noteErased(tx, userId, { service, erasedAt: new Date(timeMs) });
      },
    },
    answerExport({ ...parts, service: "user", event: userPersonExported, collect: ops.exportPerson }),
    {
      mode: "durable",
      name: "note-exported",
      events: exports.map(({ event }) => event),
      async handle(tx, { type, data }) {
        const { exportId, number, isLast, content } = data as PersonExported;
        const service = exports.find(({ event }) => event.type === type)?.service;
        if (service) await ops.noteExported(tx, exportId, { service, number, isLast, content: Buffer.from(content) });
      },
    },
    {
      mode: "durable",
      name: "alert-budgets",
      events: [budgetThresholdReached],
      async handle(tx, { data }) {
        const { budget, percent, tenantId } = data as BudgetThresholdReached;
        if (budget?.scope !== BudgetScope.USER) return;
        const { unit, period } = namesOf(budget);
        // Over before anybody reads the mail.
        if (period === "minute" || period === "hour") return;
        const alert = { userId: budget.scopeId, tenantId, unit, period, percent, resetAt: resetAtOf(budget) };
        await ops.alertBudget(tx, alert);
      },
    },
  ];
}

const kinds: { readonly [Reason in KeyRevocationReason]?: "keyRotated" | "keyLeaked" } = {
  [KeyRevocationReason.ROTATED]: "keyRotated",
  [KeyRevocationReason.LEAKED]: "keyLeaked",
};

function toKeyAct({ id: causeId, type, timeMs, data }: ReceivedEvent) {
  if (type === keyCreated.type) {
    const { keyId, userId, tenantId, createdBy: actorId, clientAddress, createdAt } = data as KeyCreated;
    const happenedAtMs = createdAt ? timestampMs(createdAt) : timeMs;
    return { kind: "keyCreated", keyId, userId, tenantId, actorId, clientAddress, happenedAtMs, causeId } as const;
  }
  if (type === keyUpdated.type) {
    const { keyId, userId, tenantId, updatedBy: actorId, clientAddress, updatedAt } = data as KeyUpdated;
    const happenedAtMs = updatedAt ? timestampMs(updatedAt) : timeMs;
    return { kind: "keyUpdated", keyId, userId, tenantId, actorId, clientAddress, happenedAtMs, causeId } as const;
  }
  const { keyId, userId, tenantId, revokedBy: actorId, clientAddress, reason } = data as KeyRevoked;
  const kind = kinds[reason] ?? "keyRevoked";
  return { kind, keyId, userId, tenantId, actorId, clientAddress, happenedAtMs: timeMs, causeId } as const;
}
