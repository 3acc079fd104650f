import { fromJson, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type EventReceiverSchema,
  EventReceiverState,
  type EventSchema,
  OperationKind,
  type OperationSchema,
  OperationState,
  type SubscriptionSchema,
} from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import type { Operation, OperationScope } from "@lyss/kit/events/operation.ts";
import type { Subscription } from "./model.ts";
import type { Receiver } from "./ops/get-event.ts";

/** Words of the model by the values of the contract. */
export const operationStates = {
  pending: OperationState.PENDING,
  running: OperationState.RUNNING,
  paused: OperationState.PAUSED,
  done: OperationState.DONE,
  failed: OperationState.FAILED,
  canceled: OperationState.CANCELED,
} as const;

const operationKinds = {
  redrive: OperationKind.REDRIVE,
  replay: OperationKind.REPLAY,
  skip: OperationKind.SKIP,
  forget: OperationKind.FORGET,
} as const;

const receiverStates = {
  waiting: EventReceiverState.WAITING,
  handled: EventReceiverState.HANDLED,
  parked: EventReceiverState.PARKED,
} as const;

export function toEventMessage(row: LoggedEvent): MessageInitShape<typeof EventSchema> {
  const { id, source, type, traceparent, operator } = row;
  return {
    ...{ id, source, type, traceparent, operator, partitionKey: row.key, sequence: row.seq },
    time: timestampFromDate(row.time),
    data: fromJson(ValueSchema, row.data),
    stream: row.stream ?? "",
    revision: row.revision ?? 0n,
  };
}

export function toReceiverMessage(row: Receiver): MessageInitShape<typeof EventReceiverSchema> {
  const { service, subscription, parkedAt } = row;
  return {
    ...{ service, subscription, state: receiverStates[row.state] },
    ...(parkedAt && { parkedAt: timestampFromDate(parkedAt) }),
    attempts: row.attempts ?? 0,
    lastError: row.lastError ?? "",
  };
}

export function toSubscriptionMessage(row: Subscription): MessageInitShape<typeof SubscriptionSchema> {
  const { service, name, isReplayable, position, behind, parked, attempts, lastError, isLive } = row;
  return {
    ...{ service, name, isReplayable, position, behind, parked, attempts, lastError, isLive, types: [...row.types] },
    oldestAgeMs: BigInt(Math.round(row.oldestAgeMs)),
    lastSeenAt: timestampFromDate(row.seenAt),
  };
}

export function toOperationMessage(row: Operation): MessageInitShape<typeof OperationSchema> {
  const { service, subscription, askedBy, total, handled, failed, heldBack, attempts, lastError } = row;
  return {
    ...{ service, subscription, askedBy, total, handled, failed, heldBack, attempts, lastError },
    operationId: row.id,
    kind: operationKinds[row.kind],
    state: operationStates[row.state],
    scope: toScopeMessage(row.scope),
    askedAt: timestampFromDate(row.askedAt),
    position: row.lastSeq,
    untilSequence: row.untilSeq,
    ...(row.startedAt && { startedAt: timestampFromDate(row.startedAt) }),
    ...(row.endedAt && { endedAt: timestampFromDate(row.endedAt) }),
  };
}

function toScopeMessage({ eventIds = [], types = [], keys = [], fromMs, beforeMs, speed }: OperationScope) {
  return {
    ...{ eventIds: [...eventIds], types: [...types], keys: [...keys], speed: typeof speed === "number" ? speed : 0 },
    ...(fromMs !== undefined && { from: timestampFromMs(fromMs) }),
    ...(beforeMs !== undefined && { before: timestampFromMs(beforeMs) }),
  };
}
