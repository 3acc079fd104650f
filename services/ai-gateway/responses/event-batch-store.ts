import type { Tx } from "@lyss/kit/db/database.ts";

/** Events of a response that were written together. */
export interface EventBatch {
  readonly responseId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Sealed. */
  readonly events: Buffer;
}

/** With the response itself. */
export async function insertFirstEvents(tx: Tx, batch: EventBatch): Promise<void> {
  const { responseId, firstSequence, lastSequence, events } = batch;
  await tx`
    insert into response_event (response_id, first_sequence, last_sequence, events)
    values (${responseId}, ${firstSequence}, ${lastSequence}, ${events})`;
}
