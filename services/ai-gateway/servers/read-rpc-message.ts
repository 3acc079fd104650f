import { requireJsonSize } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { type RpcMessage, toRpcMessage } from "./json-rpc.ts";

/** Throws `invalid_request` for what is no message of JSON-RPC 2.0. */
export function readRpcMessage(body: Buffer): RpcMessage {
  requireJsonSize(body);
  let json: unknown;
  try {
    json = parseExact(body.toString("utf8"));
  } catch {
    throw refuseField("body", "must be JSON", "必须是 JSON");
  }
  const message = toRpcMessage(json);
  if (message) return message;
  throw refuseField(
    "body",
    "must be one message of JSON-RPC 2.0, not a batch",
    "必须是一条 JSON-RPC 2.0 消息，不支持批量",
  );
}
