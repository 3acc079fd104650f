import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { auditPersonExported } from "@lyss/contracts/events/audit.ts";
import { userDeleted } from "@lyss/contracts/events/user.ts";
import { onEvent, type ReceivedEvent, type Subscription } from "@lyss/kit/events/event.ts";
import { type AuditRule, auditRules } from "./audit-rules.ts";
import type { AuditDeps } from "./deps.ts";
import type { AuditAct } from "./ops/keep-entry.ts";
import type { AuditOps } from "./ops.ts";

/** What audit hears: everything that `auditRules` name, in one subscription, so that it stays in order; and who is gone. */
export function createAuditSubscriptions(
  ops: AuditOps,
  parts: Pick<AuditDeps, "outbox" | "random">,
): readonly Subscription[] {
  const rules = new Map(auditRules.map((rule) => [rule.event.type, rule]));
  return [
    {
      mode: "durable",
      name: "keep-entries",
      events: auditRules.map(({ event }) => event),
      isReplayable: true,
      async handle(tx, event) {
        const rule = rules.get(event.type);
        if (rule) await ops.keepEntry(tx, toAct(rule, event));
      },
    },
    onEvent("forget-person", userDeleted, (tx, { data }) => ops.forgetPerson(tx, data)),
    answerExport({ ...parts, service: "audit", event: auditPersonExported, collect: ops.exportPerson }),
  ];
}

/** An event as the act that its rule makes of it. */
export function toAct(rule: AuditRule, { id: eventId, timeMs, data, operator = "" }: ReceivedEvent): AuditAct {
  const fields = data as unknown as Readonly<Record<string, unknown>>;
  const textOf = (name: string | undefined) => (name === undefined ? "" : String(fields[name] ?? ""));
  const happenedAt = rule.happenedAt && (fields[rule.happenedAt] as Timestamp | undefined);
  return {
    ...{ eventId, act: rule.act, tenantId: textOf(rule.tenant), actorId: textOf(rule.actor) },
    ...{ operatorId: operator, subjectKind: rule.subject.kind, subjectId: textOf(rule.subject.field) },
    clientAddress: textOf(rule.address),
    happenedAtMs: happenedAt ? timestampMs(happenedAt) : timeMs,
    details: toDetails(rule, data),
  };
}

/** The fields that the rule allows, as protobuf JSON has them: what is unset is left out. */
function toDetails({ event, details }: AuditRule, data: ReceivedEvent["data"]): Record<string, unknown> {
  const json = toJson(event.schema, data) as JsonObject;
  const names = event.schema.fields
    .filter(({ localName, oneof }) => details.includes(oneof?.localName ?? localName))
    .map(({ jsonName }) => jsonName);
  return Object.fromEntries(names.flatMap((name) => (json[name] === undefined ? [] : [[name, json[name]]])));
}
