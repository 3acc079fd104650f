import { type CallRequest, maxOutputLimit, readRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { toFunctionChoice, toFunctionTool } from "../function-tool.ts";
import {
  type Fields,
  readFlag,
  readInteger,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../request-fields.ts";
import { readBlocksOfText, toChatMessages } from "./message-content.ts";
import { findToolChanges, type ToolChanges } from "./tool-changes.ts";

/** A request of `POST /v1/messages`, in chat's form, and what of it decides how the answer is written. */
export interface MessageRequest {
  readonly request: CallRequest;
  readonly showsThinking: boolean;
  readonly stopSequences: readonly string[];
}

const countedFields = [
  ...["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"],
  ...["cache_control", "context_management"],
];
const fieldsToCount = new Set(countedFields);
const fieldsToAnswer = new Set([
  ...countedFields,
  ...["max_tokens", "metadata", "service_tier", "stop_sequences", "stream", "temperature", "top_k", "top_p"],
]);
const toolFields = new Set([
  ...[
    "type",
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
    "eager_input_streaming",
    "defer_loading",
  ],
]);
const leastThinkingTokens = 1_024;

/** Reads a request for an answer. Throws `invalid_request` naming the field. */
export function readMessageRequest(json: Fields): MessageRequest {
  refuseOthers(json, fieldsToAnswer, "");
  const maxTokens = readInteger(json["max_tokens"], "max_tokens", 1, maxOutputLimit);
  const stream = readOptional(json["stream"], "stream", readFlag) ?? false;
  const stop = readOptional(json["stop_sequences"], "stop_sequences", readTexts) ?? [];
  const thinking = readThinking(json, maxTokens);
  const chat = {
    ...toChat(json),
    ...{ stream, ...(stop.length > 0 && { stop }) },
    ...readSampling(json),
    ...readMetadata(json["metadata"]),
    ...thinking.chat,
  };
  const request = readRequest("chat", Buffer.from(JSON.stringify(chat)));
  return {
    request: { ...request, outputLimit: { field: undefined, tokens: maxTokens } },
    showsThinking: thinking.isShown,
    stopSequences: stop,
  };
}

/** Reads a request for the number of its tokens. Throws as `readMessageRequest` does. */
export function readRequestToCount(json: Fields): CallRequest {
  refuseOthers(json, fieldsToCount, "");
  return readRequest("chat", Buffer.from(JSON.stringify(toChat(json))));
}

function toChat(json: Fields): Fields {
  const model = readText(json["model"], "model");
  const list = readList(json["messages"], "messages");
  const messages = list.flatMap((message, index) => toChatMessages(message, `messages[${index}]`));
  const system = readOptional(json["system"], "system", readBlocksOfText) ?? "";
  refusePrefill(list);
  refuseEdits(json["context_management"]);
  return {
    model,
    messages: system === "" ? messages : [{ role: "system", content: system }, ...messages],
    ...readTools(json, findToolChanges(list)),
    ...readFormat(json["output_config"]),
  };
}

/** Chat would answer anew instead of going on with what the assistant has begun to say. */
function refusePrefill(messages: readonly unknown[]): void {
  const last = messages.at(-1);
  if (typeof last !== "object" || last === null || (last as Fields)["role"] !== "assistant") return;
  throw refuseField(
    `messages[${messages.length - 1}].role`,
    "must be 'user' in the last message: an answer that is begun for the model cannot be continued here",
    "最后一条消息的角色必须是“user”：此处无法续写已预填的回答",
  );
}

/** Clearing earlier thoughts changes nothing: they are left out anyway. */
function refuseEdits(value: unknown): void {
  const management = readOptional(value, "context_management", readObject);
  if (!management) return;
  refuseOthers(management, new Set(["edits"]), "context_management");
  const edits = readOptional(management["edits"], "context_management.edits", readList) ?? [];
  for (const [index, edit] of edits.entries()) {
    const path = `context_management.edits[${index}]`;
    if (!/^clear_thinking_\d+$/.test(readText(readObject(edit, path)["type"], `${path}.type`))) {
      throw unsupported(`${path}.type`);
    }
  }
}

function readTexts(value: unknown, path: string): readonly string[] {
  return readList(value, path).map((text, index) => readText(text, `${path}[${index}]`));
}

/** The tools that the model is shown: a deferred one only once the conversation has made it available. */
function readTools(json: Fields, changes: ToolChanges): Fields {
  const listed = readOptional(json["tools"], "tools", readList) ?? [];
  const tools = listed.flatMap((item, index) => {
    const path = `tools[${index}]`;
    const tool = readObject(item, path);
    const chat = toChatTool(tool, path);
    const isDeferred = readOptional(tool["defer_loading"], `${path}.defer_loading`, readFlag) === true;
    return (changes.get(String(tool["name"])) ?? !isDeferred) ? [chat] : [];
  });
  return tools.length === 0 ? {} : { tools, ...readToolChoice(json["tool_choice"]) };
}

/** Only tools of the caller's own: those of Anthropic's run at Anthropic. */
function toChatTool(tool: Fields, path: string): object {
  if (readOptional(tool["type"], `${path}.type`, readText) !== undefined && tool["type"] !== "custom") {
    throw unsupported(`${path}.type`);
  }
  refuseOthers(tool, toolFields, path);
  return toFunctionTool({
    name: readText(tool["name"], `${path}.name`),
    description: readOptional(tool["description"], `${path}.description`, readText),
    parameters: readObject(tool["input_schema"], `${path}.input_schema`),
    strict: readOptional(tool["strict"], `${path}.strict`, readFlag),
  });
}

function readToolChoice(value: unknown): Fields {
  const choice = readOptional(value, "tool_choice", readObject);
  if (!choice) return {};
  const type = readOneOf(choice["type"], "tool_choice.type", ["auto", "any", "tool", "none"]);
  refuseOthers(
    choice,
    new Set(["type", "disable_parallel_tool_use", ...(type === "tool" ? ["name"] : [])]),
    "tool_choice",
  );
  const path = "tool_choice.disable_parallel_tool_use";
  const isSingle = readOptional(choice["disable_parallel_tool_use"], path, readFlag) === true;
  return { tool_choice: toChatChoice(type, choice), ...(isSingle && { parallel_tool_calls: false }) };
}

function toChatChoice(type: "auto" | "any" | "tool" | "none", choice: Fields): unknown {
  if (type === "any") return "required";
  if (type !== "tool") return type;
  return toFunctionChoice(readText(choice["name"], "tool_choice.name"));
}

function readFormat(value: unknown): Fields {
  const config = readOptional(value, "output_config", readObject) ?? {};
  refuseOthers(config, new Set(["effort", "format"]), "output_config");
  const effort = readOptional(config["effort"], "output_config.effort", readText);
  const format = readOptional(config["format"], "output_config.format", readObject);
  if (format) readOneOf(format["type"], "output_config.format.type", ["json_schema"]);
  const schema = format && readObject(format["schema"], "output_config.format.schema");
  return {
    // Chat has no word for what is above `xhigh`.
    ...(effort !== undefined && { reasoning_effort: effort === "max" ? "xhigh" : effort }),
    ...(schema && { response_format: { type: "json_schema", json_schema: { name: "output", strict: true, schema } } }),
  };
}

/** A budget of thinking tokens becomes one of chat's efforts, as near as they are; an effort that is named goes before it. */
function readThinking(json: Fields, maxTokens: number): { readonly chat: Fields; readonly isShown: boolean } {
  const thinking = readOptional(json["thinking"], "thinking", readObject);
  if (!thinking) return { chat: {}, isShown: true };
  const type = readOneOf(thinking["type"], "thinking.type", ["enabled", "adaptive", "disabled"]);
  refuseOthers(thinking, new Set(["type", "display", ...(type === "enabled" ? ["budget_tokens"] : [])]), "thinking");
  const display = readOptional(thinking["display"], "thinking.display", readText);
  const isShown = type !== "disabled" && display !== "omitted";
  if (type !== "enabled") return { chat: {}, isShown };
  const budget = readInteger(thinking["budget_tokens"], "thinking.budget_tokens", leastThinkingTokens, maxTokens - 1);
  const hasEffort = readOptional(json["output_config"], "output_config", readObject)?.["effort"] !== undefined;
  return { chat: hasEffort ? {} : { reasoning_effort: effortOf(budget) }, isShown };
}

function effortOf(budgetTokens: number): string {
  if (budgetTokens < 4_096) return "low";
  return budgetTokens < 16_384 ? "medium" : "high";
}

function readSampling(json: Fields): Fields {
  const temperature = readOptional(json["temperature"], "temperature", readNumber);
  const topP = readOptional(json["top_p"], "top_p", readNumber);
  const topK = readOptional(json["top_k"], "top_k", readNumber);
  const tier = readOptional(json["service_tier"], "service_tier", (value, path) =>
    readOneOf(value, path, ["auto", "standard_only"]),
  );
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    // Not a field of OpenAI's own API, but of many that are like it; one that does not know it says so.
    ...(topK !== undefined && { top_k: topK }),
    ...(tier === "standard_only" && { service_tier: "default" }),
  };
}

function readMetadata(value: unknown): Fields {
  const metadata = readOptional(value, "metadata", readObject) ?? {};
  refuseOthers(metadata, new Set(["user_id"]), "metadata");
  const user = readOptional(metadata["user_id"], "metadata.user_id", readText);
  return user === undefined ? {} : { user };
}
