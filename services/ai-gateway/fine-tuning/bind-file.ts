import { join } from "node:path";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { fineTuningFailures } from "@lyss/contracts/failures/ai-gateway-fine-tuning.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { openDiskFile } from "../batches/disk-file.ts";
import { createFileBatches } from "../batches/file-batches.ts";
import type { ShownFile } from "../batches/file-store.ts";
import { getFile } from "../batches/files.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";

/**
 * A caller's file of examples, as it is called at the account of `target`: it is sent there where no job was made of it before, and lies
 * there from then on. Throws `file_not_found`, `fine_tuning_file_elsewhere`, and what a provider's refusal is for a call.
 */
export async function bindFile(
  deps: AiGatewayDeps,
  caller: Caller,
  { field, fileId, model, target }: { field: string; fileId: string; model: string; target: Target },
): Promise<string> {
  const file = await getFile(deps, { caller, fileId });
  if (file.purpose !== "fine-tune") {
    throw refuseField(field, "must be a file of purpose fine-tune", "必须是用途为 fine-tune 的文件");
  }
  const { providerId } = target.provider;
  if (file.upstreamId !== "") return requireThere(file, target, model);
  const upstreamId = await send(deps, file, target);
  const bound = { ...file, providerId, upstreamId, model, targetModel: target.model.name };
  if (await deps.db.transaction((tx) => deps.fileStore.bind(tx, bound))) return upstreamId;
  // Another job was made of it meanwhile, or it is removed.
  await createFileBatches(deps, target).removeFile(upstreamId);
  const other = await getFile(deps, { caller, fileId });
  return requireThere(other, target, model);
}

function requireThere({ fileId: id, providerId, upstreamId }: ShownFile, { provider }: Target, model: string): string {
  if (providerId === provider.providerId) return upstreamId;
  throw new Failure(fineTuningFailures.fine_tuning_file_elsewhere, { id, model });
}

async function send(deps: AiGatewayDeps, file: ShownFile, target: Target): Promise<string> {
  const copy = await openDiskFile(join(deps.folder, "uploads"), deps.random);
  try {
    for await (const piece of deps.keptContent.pieces(file.fileId)) await copy.append(piece);
    // Bound by another job just now.
    if (copy.size === 0) throw new Failure(batchFailures.file_not_found, { id: file.fileId });
    return await createFileBatches(deps, target).uploadFile(copy, file.fileName, "fine-tune");
  } finally {
    await copy.close();
  }
}
