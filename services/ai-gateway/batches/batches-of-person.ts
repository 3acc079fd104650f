import type { Tx } from "@lyss/kit/db/database.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toBatchObject } from "./batch-object.ts";
import { toFileObject } from "./files.ts";

type Deps = Pick<AiGatewayDeps, "fileStore" | "batchStore" | "clock">;

const maxListed = 1_000;

/** What a person has, the newest first. */
export async function listBatchesOf({ fileStore, batchStore }: Deps, tx: Tx, { userId }: { readonly userId: string }) {
  return {
    files: (await fileStore.listOf(tx, userId, maxListed)).map(toFileObject),
    batches: (await batchStore.listOf(tx, userId, maxListed)).map(toBatchObject),
  };
}

/** Hides a person's files and ends the batches: jobs remove both, at their providers too, once what was answered is charged. A repeat is safe. */
export async function forgetBatchesOf(
  { fileStore, batchStore, clock }: Deps,
  tx: Tx,
  { userId }: { readonly userId: string },
): Promise<void> {
  await fileStore.hideAllOf(tx, userId, new Date(clock.nowMs()));
  await batchStore.disownOf(tx, userId);
}
