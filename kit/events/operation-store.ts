import type { Database, Sql, Tx } from "../db/database.ts";
import type { Operation } from "./operation.ts";
import { noteParkedFailure } from "./subscription-store.ts";

/** The columns of `event_log.operation` as an `Operation` has them. */
export function operationColumns(sql: Sql | Tx) {
  return sql`
    id, kind, replace(substr(service, 6), '_', '-') as service, subscription, state, scope, asked_by as "askedBy",
    asked_at as "askedAt", last_seq as "lastSeq", until_seq as "untilSeq", total, handled, failed,
    held_back as "heldBack", attempts, last_error as "lastError", started_at as "startedAt", ended_at as "endedAt"`;
}

/** Locks one of the caller's operations that is due. Undefined when none is, or another node has it. */
export async function claimOperation(
  tx: Tx,
  subscriptions: readonly string[],
  nowMs: number,
): Promise<Operation | undefined> {
  const [row] = await tx<Operation[]>`
    select ${operationColumns(tx)} from event_log.operation
    where state in ('pending', 'running') and subscription = any(${subscriptions as string[]})
      and due_at <= ${new Date(nowMs)}
    order by due_at, id limit 1 for update skip locked`;
  return row;
}

/** When the next of the caller's open operations is due; undefined when there is none. */
export async function findNextDueMs(tx: Tx, subscriptions: readonly string[]): Promise<number | undefined> {
  const [row] = await tx<{ due: Date | null }[]>`
    select min(greatest(due_at, 'epoch')) as due from event_log.operation
    where state in ('pending', 'running') and subscription = any(${subscriptions as string[]})`;
  return row?.due?.getTime();
}

/** What one step of an operation did. */
export interface OperationStep {
  readonly lastSeq: bigint;
  readonly handled: number;
  readonly heldBack: number;
  /** How long until the next step. */
  readonly waitMs: number;
  readonly isDone: boolean;
}

/** Records a step, in the transaction of what it did. */
export async function advanceOperation(tx: Tx, id: string, step: OperationStep, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  await tx`
    update event_log.operation set
      state = ${step.isDone ? "done" : "running"}, last_seq = ${step.lastSeq}, handled = handled + ${step.handled},
      held_back = held_back + ${step.heldBack}, attempts = 0, last_error = '',
      due_at = ${new Date(nowMs + step.waitMs)}, started_at = coalesce(started_at, ${now}),
      ended_at = ${step.isDone ? now : null}
    where id = ${id}`;
}

/** Counts a failed step: the next is due after a delay, and the last one of those allowed ends the operation. */
export async function failStep(
  sql: Sql,
  id: string,
  failure: { readonly error: string; readonly nowMs: number; readonly delayMs: number; readonly isLast: boolean },
): Promise<void> {
  const now = new Date(failure.nowMs);
  await sql`
    update event_log.operation set
      state = ${failure.isLast ? "failed" : "running"}, attempts = attempts + 1, last_error = ${failure.error},
      due_at = ${new Date(failure.nowMs + failure.delayMs)}, started_at = coalesce(started_at, ${now}),
      ended_at = ${failure.isLast ? now : null}
    where id = ${id} and state in ('pending', 'running')`;
}

/** True when an event of this key has failed in this redrive. */
export async function isHeldBack(tx: Tx, subscription: string, operation: string, key: string): Promise<boolean> {
  const rows = await tx`
    select 1 from event_log.parked_event as parked join event_log.event using (seq)
    where parked.subscription = ${subscription} and parked.operation = ${operation} and event.key = ${key} limit 1`;
  return rows.length > 0;
}

/** Records that a parked event failed again in a redrive, which then goes on after it. */
export async function noteRedriveFailure(
  db: Database,
  operation: Operation,
  seq: bigint,
  failure: { readonly error: string; readonly nowMs: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    await noteParkedFailure(tx, operation.subscription, seq, { ...failure, operation: operation.id });
    await tx`
      update event_log.operation set state = 'running', last_seq = ${seq}, failed = failed + 1,
        last_error = ${failure.error}, started_at = coalesce(started_at, ${new Date(failure.nowMs)})
      where id = ${operation.id} and last_seq < ${seq} and state in ('pending', 'running')`;
  });
}
