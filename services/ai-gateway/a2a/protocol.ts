import type { IncomingMessage } from "node:http";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { refuseField } from "../call/refuse-field.ts";
import { isObject, type RpcParams } from "../servers/json-rpc.ts";

/** Versions of the Agent2Agent protocol that pass through here, the newest first. */
export const protocolVersions = ["1.0", "0.3"] as const;
export type ProtocolVersion = (typeof protocolVersions)[number];

export const versionHeader = "a2a-version";
/** By which each version is told which extensions of the protocol a client wants. */
export const extensionsHeaders: Readonly<Record<ProtocolVersion, string>> = {
  ...{ "1.0": "a2a-extensions", "0.3": "x-a2a-extensions" },
};

/** What is asked of an agent: to take a message, or something about a task of its. */
export type Operation = "send" | "stream" | "get" | "cancel" | "subscribe";

/** What each version calls it (1.0: 5.3; 0.3: 7). */
const operations: Readonly<Record<ProtocolVersion, Readonly<Record<string, Operation>>>> = {
  "1.0": {
    ...{ SendMessage: "send", SendStreamingMessage: "stream", GetTask: "get", CancelTask: "cancel" },
    SubscribeToTask: "subscribe",
  },
  "0.3": {
    ...{ "message/send": "send", "message/stream": "stream", "tasks/get": "get", "tasks/cancel": "cancel" },
    "tasks/resubscribe": "subscribe",
  },
};

/** What a stream answers. */
export const isStreamed = (operation: Operation): boolean => operation === "stream" || operation === "subscribe";
/** What costs something: a message. */
export const isPaid = (operation: Operation): boolean => operation === "send" || operation === "stream";

/** The version that a request is in: none said is 0.3 (1.0, 3.6.2). Throws `invalid_request` for one that is not spoken here. */
export function readVersion({ headers, url = "" }: Pick<IncomingMessage, "headers" | "url">): ProtocolVersion {
  const said = String(headers[versionHeader] ?? new URL(url, "http://a").searchParams.get("A2A-Version") ?? "").trim();
  const [, major = said] = /^(\d+\.\d+)(\.\d+)?$/.exec(said) ?? [];
  const version = said === "" ? "0.3" : protocolVersions.find((known) => known === major);
  if (version) return version;
  throw refuseVersion(protocolVersions);
}

export function refuseVersion(spoken: readonly string[]): Failure {
  const known = spoken.join(", ");
  return refuseField("A2A-Version", `must be one of ${known}`, `必须是以下之一：${known}`);
}

/** Throws `invalid_request` for a method of another version, and `unimplemented`. */
export function readOperation(version: ProtocolVersion, method: string): Operation {
  const own = operations[version];
  if (Object.hasOwn(own, method)) return own[method] as Operation;
  const other = protocolVersions.find((known) => Object.hasOwn(operations[known], method));
  if (other === undefined) throw new Failure(kitFailures.unimplemented, { method });
  throw refuseField(
    "method",
    `${method} is of version ${other}: send the header A2A-Version: ${other}`,
    `${method} 属于版本 ${other}：请发送请求头 A2A-Version: ${other}`,
  );
}

/** What a caller names of what is kept at an agent. */
export interface Reference {
  readonly kind: "task" | "context";
  readonly id: string;
}

export const maxReferenceLength = 256;
const maxReferences = 100;

/** What a request names that must be its caller's own already, and the context that it may begin. Throws `invalid_request`. */
export function readReferences(
  operation: Operation,
  params: RpcParams,
): { readonly tasks: readonly Reference[]; readonly context: Reference | undefined } {
  if (!isPaid(operation)) return { tasks: [{ kind: "task", id: readId("id", params["id"]) }], context: undefined };
  const { message, configuration } = params;
  if (!isObject(message)) throw refuseField("message", "must be a message", "必须是消息");
  if (isObject(configuration)) refusePush(configuration);
  const { taskId, contextId, referenceTaskIds = [] } = message;
  if (!Array.isArray(referenceTaskIds) || referenceTaskIds.length > maxReferences) {
    const most = String(maxReferences);
    throw refuseField("message.referenceTaskIds", `must be a list of at most ${most}`, `必须是不超过 ${most} 项的列表`);
  }
  const named = taskId === undefined || taskId === "" ? [] : [readId("message.taskId", taskId)];
  const ids = [...named, ...referenceTaskIds.map((id: unknown) => readId("message.referenceTaskIds", id))];
  const hasContext = contextId !== undefined && contextId !== "";
  return {
    tasks: [...new Set(ids)].map((id) => ({ kind: "task", id })),
    context: hasContext ? { kind: "context", id: readId("message.contextId", contextId) } : undefined,
  };
}

function readId(param: string, id: unknown): string {
  if (typeof id === "string" && id !== "" && id.length <= maxReferenceLength) return id;
  const most = String(maxReferenceLength);
  throw refuseField(param, `must be a text of 1 to ${most} characters`, `必须是 1 到 ${most} 个字符的文本`);
}

/** An agent would call an address of the caller's choice with what is said in the task. */
function refusePush({ pushNotificationConfig, taskPushNotificationConfig }: RpcParams): void {
  if (pushNotificationConfig === undefined && taskPushNotificationConfig === undefined) return;
  throw new Failure(kitFailures.unimplemented, { method: pushMethod });
}

/** One of those that no agent here offers. */
export const pushMethod = "tasks/pushNotificationConfig/set";
