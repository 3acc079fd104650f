import type { Operation, OperationState } from "@lyss/kit/events/operation.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { EventDeps } from "../deps.ts";

export interface ListOperationsInput extends PageRequest {
  readonly service?: string | undefined;
  readonly subscription?: string | undefined;
  readonly state?: OperationState | undefined;
}

/** What operators have asked for, newest first. */
export async function listOperations(
  { desk }: Pick<EventDeps, "desk">,
  { limit, cursor, ...filter }: ListOperationsInput,
): Promise<Page<Operation>> {
  const [beforeId] = decodeCursor(cursor, 1) ?? [];
  const rows = await desk.listOperations({ ...filter, beforeId, limit: limit + 1 });
  return toPage(rows, limit, ({ id }) => [id]);
}
