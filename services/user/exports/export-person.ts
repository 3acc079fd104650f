import { type ExportedPerson, exportedRowsLimit, type PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { readStreamBackwards } from "@lyss/kit/events/stream-reader.ts";
import { auditStreamOf } from "../audit-log.ts";
import type { UserDeps } from "../deps.ts";
import type { AvatarRow } from "./export-store.ts";

/**
 * What user itself keeps of a person. Mails are told as far as they wait or their link is still good: none that was sent is kept. Of the
 * person's own log, where others came from who did something is left out.
 */
export async function exportPerson(
  { exports, writer }: Pick<UserDeps, "exports" | "writer">,
  tx: Tx,
  { userId }: ExportedPerson,
): Promise<PersonSections> {
  const profile = await exports.findProfile(tx, userId);
  const avatar = await exports.findAvatar(tx, userId);
  const mails = profile ? await writer.listWaiting(tx, profile.email) : [];
  const filter = { beforeRevision: undefined };
  const log = await readStreamBackwards(tx, auditStreamOf(userId), filter, exportedRowsLimit);
  return {
    profile: profile ?? null,
    avatar: avatar ? toPicture(avatar) : null,
    sign_on_links: await exports.listIdentities(tx, userId),
    sign_on_roles: await exports.listFederatedRoles(tx, userId),
    registrations: await exports.listRegistrations(tx, userId),
    open_links: await exports.listTokens(tx, userId),
    waiting_mails: mails.map(({ createdAt, tries }) => ({ created_at: createdAt, tries })),
    audit_log: log.map(({ type, time, data }) => toEntry(userId, { type, time, data })),
  };
}

function toPicture({ bytes, ...picture }: AvatarRow) {
  return { ...picture, base64: bytes.toString("base64") };
}

function toEntry(userId: string, { type, time, data }: { type: string; time: Date; data: unknown }) {
  const { actorId = "", clientAddress = "", subjectId = "", detail = "" } = data as Readonly<Record<string, string>>;
  const isOthers = actorId !== "" && actorId !== userId;
  const act = {
    act: type.replace("user.audit.", ""),
    happened_at: time,
    actor_id: actorId,
    subject_id: subjectId,
    detail,
  };
  return { ...act, client_address: isOthers ? "" : clientAddress };
}
