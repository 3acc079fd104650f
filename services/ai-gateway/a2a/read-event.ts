import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { maxReferenceLength, type Operation, type ProtocolVersion, type Reference } from "./protocol.ts";

/** What is to be known of one result of an agent's, which passes on as it is. */
export interface AgentEvent {
  /** What it names of what the agent keeps. */
  readonly references: readonly Reference[];
  /** Whether a stream may end after it; undefined where it says nothing of that. */
  readonly isEnd: boolean | undefined;
}

/** States in which a task goes no further by itself: over, or waiting for its caller. */
const restingStates: ReadonlySet<unknown> = new Set([
  ...["completed", "canceled", "failed", "rejected", "input-required", "auth-required"],
  ...["TASK_STATE_COMPLETED", "TASK_STATE_CANCELED", "TASK_STATE_FAILED", "TASK_STATE_REJECTED"],
  ...["TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"],
]);

type Kind = "task" | "message" | "status-update" | "artifact-update";

/** Of version 1.0, which names the kind by a field. */
const fields: Readonly<Record<string, Kind>> = {
  ...{ task: "task", message: "message", statusUpdate: "status-update", artifactUpdate: "artifact-update" },
};
const kinds: ReadonlySet<unknown> = new Set(Object.values(fields));

/** Throws an RpcAnswerError for what the operation does not answer. */
export function readEvent(version: ProtocolVersion, operation: Operation, result: RpcParams): AgentEvent {
  const [kind, body] = toKind(version, operation, result);
  const isWhole = kind === "task" || kind === "message";
  if (operation === "send" && !isWhole) throw new RpcAnswerError("malformed");
  const { id, taskId, contextId, status, final } = body;
  const task = kind === "task" ? id : taskId;
  if (kind !== "message" && !isReference(task)) throw new RpcAnswerError("malformed");
  const references: Reference[] = [
    ...(isReference(task) ? [{ kind: "task", id: task } as const] : []),
    ...(isReference(contextId) ? [{ kind: "context", id: contextId } as const] : []),
  ];
  const state = isObject(status) ? status["state"] : undefined;
  if (kind === "task" && typeof state !== "string") throw new RpcAnswerError("malformed");
  const isEnd = kind === "message" || final === true || (state === undefined ? undefined : restingStates.has(state));
  return { references, isEnd };
}

function toKind(version: ProtocolVersion, operation: Operation, result: RpcParams): readonly [Kind, RpcParams] {
  if (operation === "get" || operation === "cancel") return ["task", result];
  if (version === "0.3") {
    const { kind } = result;
    if (!kinds.has(kind)) throw new RpcAnswerError("malformed");
    return [kind as Kind, result];
  }
  const [found, other] = Object.entries(fields).filter(([field]) => result[field] !== undefined);
  const body = found && result[found[0]];
  if (!found || other || !isObject(body)) throw new RpcAnswerError("malformed");
  return [found[1], body];
}

function isReference(id: unknown): id is string {
  if (id === undefined || id === "" || id === null) return false;
  if (typeof id !== "string" || id.length > maxReferenceLength) throw new RpcAnswerError("malformed");
  return true;
}
