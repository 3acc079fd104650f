import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { sessionEnded } from "@lyss/contracts/events/auth.ts";
import { ssoPersonExported } from "@lyss/contracts/events/sso.ts";
import { userDeleted } from "@lyss/contracts/events/user.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { SsoDeps } from "./deps.ts";
import type { SsoOps } from "./ops.ts";

/** What sso hears: whose session is over, who is gone, and who asks what is kept of them. */
export function createSsoSubscriptions(
  ops: Pick<SsoOps, "noteLogouts" | "forgetPerson" | "exportPerson">,
  parts: Pick<SsoDeps, "outbox" | "random">,
): readonly Subscription[] {
  return [
    onEvent("note-logouts", sessionEnded, (tx, { data }) => ops.noteLogouts(tx, data)),
    onEvent("forget-person", userDeleted, (tx, { data }) => ops.forgetPerson(tx, data)),
    answerExport({ ...parts, service: "sso", event: ssoPersonExported, collect: ops.exportPerson }),
  ];
}
