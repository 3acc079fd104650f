import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { aiGatewayPersonErased } from "@lyss/contracts/events/ai-gateway.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AiGatewayDeps } from "../deps.ts";

/** Removes the responses and cached answers that were kept for a person who is gone, and says so. A repeat is safe. */
export async function forgetPerson(
  { responses, answerCache, outbox, clock }: Pick<AiGatewayDeps, "responses" | "answerCache" | "outbox" | "clock">,
  tx: Tx,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string },
): Promise<void> {
  await responses.removeOf(tx, { userId });
  await answerCache.removeOf(tx, { userId });
  const erasedAt = timestampFromDate(new Date(clock.nowMs()));
  await outbox.append(tx, aiGatewayPersonErased, { userId, tenantId, erasedAt });
}
