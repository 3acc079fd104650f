import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { bindingOf } from "@lyss/contracts/events/answer-export.ts";
import { userAudit } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { unseal } from "@lyss/kit/crypto/seal.ts";
import { openSealed, type SealingPair } from "@lyss/kit/crypto/seal-to.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import type { ExportProgress } from "./export-model.ts";
import { getExport } from "./get-export.ts";
import type { RequestExportInput } from "./request-export.ts";

const expand = promisify(gunzip);

/** An export, and the document that it is as JSON in UTF-8. */
export interface ExportDocument {
  readonly userId: string;
  readonly bytes: Buffer;
}

/**
 * Everything that is kept of a person, by service. Throws what `getExport` throws, and `export_not_ready` while services have not answered.
 * Each download is in the audit log.
 */
export async function downloadExport(deps: UserDeps, input: RequestExportInput): Promise<ExportDocument> {
  const { db, audit } = deps;
  const { actor, clientAddress } = input;
  const found = await getExport(deps, input);
  const { userId, tenantId } = found;
  if (!found.completedAt) {
    const missing = found.parts.filter(({ exportedAt }) => exportedAt === null).map(({ service }) => service);
    throw new Failure(userFailures.export_not_ready, { services: missing.join(", ") });
  }
  const bytes = await writeDocument(deps, found);
  const actorId = actor?.userId ?? "";
  await db.transaction((tx) =>
    audit.append(tx, { event: userAudit.exportDownloaded, userId, tenantId, actorId, clientAddress }),
  );
  return { userId, bytes };
}

/** What services have written is put together as it is. */
async function writeDocument({ exports, exportKey }: UserDeps, found: ExportProgress): Promise<Buffer> {
  const { exportId, userId, tenantId, requestedAt, completedAt, publicKey, sealedKey } = found;
  const privateKey = unseal(exportKey, sealedKey, exportId);
  if (!privateKey) throw new Error("an export does not open: the root key is another one, or the row was changed");
  const head = { object: "user.export.document", id: exportId, user_id: userId, tenant_id: tenantId };
  const times = { requested_at: requestedAt, completed_at: completedAt };
  const open = async (service: string) => {
    const parts = await exports.listParts(exportId, service);
    const sealed = Buffer.concat(parts.map(({ content }) => content));
    return openPart({ publicKey, privateKey }, sealed, bindingOf(exportId, service));
  };
  const chunks: Buffer[] = [Buffer.from(`${JSON.stringify({ ...head, ...times }).slice(0, -1)},"services":{`)];
  // Those that had answered: an export may be older than a service that answers now.
  const answered = found.parts.filter(({ exportedAt }) => exportedAt !== null);
  for (const [index, { service }] of answered.entries()) {
    chunks.push(Buffer.from(`${index === 0 ? "" : ","}${JSON.stringify(service)}:`), await open(service));
  }
  return Buffer.concat([...chunks, Buffer.from("}}\n")]);
}

async function openPart(pair: SealingPair, sealed: Buffer, binding: string): Promise<Buffer> {
  const packed = openSealed(pair, sealed, binding);
  if (!packed) throw new Error("a part of an export does not open: the rows were changed");
  return expand(packed);
}
