import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { aiGatewayPersonErased } from "@lyss/contracts/events/ai-gateway.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { forgetBatchesOf } from "../batches/batches-of-person.ts";
import type { AiGatewayDeps } from "../deps.ts";

/** Removes the responses, cached answers, what is kept of calls, files, batches, videos, fine-tuning jobs, feedback and whose tasks at agents are, of a person who is gone, and says so. A repeat is safe. */
export async function forgetPerson(
  deps: Pick<
    AiGatewayDeps,
    | "responses"
    | "answerCache"
    | "requestBodies"
    | "fileStore"
    | "batchStore"
    | "videoStore"
    | "fineTuningStore"
    | "feedbackStore"
    | "references"
    | "outbox"
    | "clock"
  >,
  tx: Tx,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string },
): Promise<void> {
  const { responses, answerCache, requestBodies, outbox, clock } = deps;
  await responses.removeOf(tx, { userId });
  await answerCache.removeOf(tx, { userId });
  await requestBodies.removeOf(tx, { userId });
  await forgetBatchesOf(deps, tx, { userId });
  await deps.videoStore.disownOf(tx, userId);
  await deps.fineTuningStore.removeOf(tx, userId);
  await deps.feedbackStore.removeOf(tx, userId);
  await deps.references.removeOfOwner(tx, userId);
  const erasedAt = timestampFromDate(new Date(clock.nowMs()));
  await outbox.append(tx, aiGatewayPersonErased, { userId, tenantId, erasedAt });
}
