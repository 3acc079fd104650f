import {
  type Fields,
  isAbsent,
  readList,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../../dialects/request-fields.ts";
import { toReasoningItems } from "./reasoning-items.ts";

/** Messages of chat as items, in the order in which they were said. Throws `invalid_request`. */
export function toResponseInput(value: unknown): readonly Fields[] {
  return readList(value, "messages").flatMap((item, n) =>
    toItems(readObject(item, `messages[${n}]`), `messages[${n}]`),
  );
}

function toItems(message: Fields, path: string): readonly Fields[] {
  const role = readOneOf(message["role"], `${path}.role`, ["system", "developer", "user", "assistant", "tool"]);
  if (role === "assistant") return toAssistantItems(message, path);
  const content = toParts(message["content"], `${path}.content`);
  if (role !== "tool") return [{ role, content }];
  const call_id = readText(message["tool_call_id"], `${path}.tool_call_id`);
  return [{ type: "function_call_output", call_id, output: content }];
}

/** What it thought stands before what it said, and the calls behind. */
function toAssistantItems(message: Fields, path: string): readonly Fields[] {
  const { content, refusal, tool_calls: calls, reasoning_details: details } = message;
  const said = isAbsent(content) ? [] : toSaid(content, `${path}.content`);
  const refused = isAbsent(refusal) ? [] : [{ type: "refusal", refusal: readText(refusal, `${path}.refusal`) }];
  const parts = [...said, ...refused];
  const called = isAbsent(calls) ? [] : readList(calls, `${path}.tool_calls`);
  return [
    ...toReasoningItems(details, `${path}.reasoning_details`),
    ...(parts.length > 0 ? [{ role: "assistant", content: parts }] : []),
    ...called.map((call, n) => toFunctionCall(call, `${path}.tool_calls[${n}]`)),
  ];
}

function toSaid(value: unknown, path: string): readonly Fields[] {
  const parts = typeof value === "string" ? [{ type: "text", text: value }] : readList(value, path);
  return parts.flatMap((item, n): Fields[] => {
    const at = `${path}[${n}]`;
    const part = readObject(item, at);
    const type = readOneOf(part["type"], `${at}.type`, ["text", "refusal"]);
    if (type === "refusal") return [{ type, refusal: readText(part["refusal"], `${at}.refusal`) }];
    const text = readText(part["text"], `${at}.text`);
    return text === "" ? [] : [{ type: "output_text", text }];
  });
}

function toFunctionCall(item: unknown, path: string): Fields {
  const call = readObject(item, path);
  const type = readOptional(call["type"], `${path}.type`, readText) ?? "function";
  if (type !== "function") throw unsupported(`${path}.type`);
  const named = readObject(call["function"], `${path}.function`);
  const given = isAbsent(named["arguments"]) ? "" : readText(named["arguments"], `${path}.function.arguments`);
  return {
    type: "function_call",
    call_id: readText(call["id"], `${path}.id`),
    name: readText(named["name"], `${path}.function.name`),
    arguments: given === "" ? "{}" : given,
  };
}

function toParts(value: unknown, path: string): unknown {
  if (typeof value === "string") return value;
  return readList(value, path).map((item, n) => toPart(readObject(item, `${path}[${n}]`), `${path}[${n}]`));
}

function toPart(part: Fields, path: string): Fields {
  const type = readText(part["type"], `${path}.type`);
  if (type === "text") {
    refuseOthers(part, new Set(["type", "text", "cache_control"]), path);
    return { type: "input_text", text: readText(part["text"], `${path}.text`) };
  }
  if (type === "image_url") {
    refuseOthers(part, new Set(["type", "image_url", "cache_control"]), path);
    const image = readObject(part["image_url"], `${path}.image_url`);
    const detail = readOptional(image["detail"], `${path}.image_url.detail`, readText) ?? "auto";
    return { type: "input_image", image_url: readText(image["url"], `${path}.image_url.url`), detail };
  }
  if (type !== "file") throw unsupported(`${path}.type`);
  refuseOthers(part, new Set(["type", "file", "cache_control"]), path);
  const file = readObject(part["file"], `${path}.file`);
  refuseOthers(file, new Set(["filename", "file_data"]), `${path}.file`);
  const filename = readOptional(file["filename"], `${path}.file.filename`, readText) ?? "file";
  return { type: "input_file", filename, file_data: readText(file["file_data"], `${path}.file.file_data`) };
}
