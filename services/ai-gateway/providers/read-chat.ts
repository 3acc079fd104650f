import { refuseField } from "../call/refuse-field.ts";
import { parseExact } from "../dialects/exact-json.ts";
import type { FunctionTool } from "../dialects/function-tool.ts";
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
} from "../dialects/request-fields.ts";

/** Parts of a chat request as every wire reads them; they throw `invalid_request` that names the field. */

/** One of a request's `tools`. */
export function readFunctionTool(tool: Fields, path: string): FunctionTool {
  if (readText(tool["type"], `${path}.type`) !== "function") throw unsupported(`${path}.type`);
  const at = `${path}.function`;
  const declared = readObject(tool["function"], at);
  refuseOthers(declared, new Set(["name", "description", "parameters", "strict"]), at);
  return {
    name: readText(declared["name"], `${at}.name`),
    description: readOptional(declared["description"], `${at}.description`, readText),
    parameters: readOptional(declared["parameters"], `${at}.parameters`, readObject),
    strict: declared["strict"] === true ? true : undefined,
  };
}

/** `tool_choice`: a mode, or the tool that is to be called; undefined where it is left to the model. */
export function readToolChoice(value: unknown): "auto" | "none" | "required" | { readonly name: string } | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === "string") return readOneOf(value, "tool_choice", ["auto", "none", "required"]);
  const choice = readObject(value, "tool_choice");
  if (readText(choice["type"], "tool_choice.type") !== "function") throw unsupported("tool_choice.type");
  const named = readObject(choice["function"], "tool_choice.function");
  return { name: readText(named["name"], "tool_choice.function.name") };
}

/** `stop`: a text or several; none where it is left out. */
export function readStops(value: unknown): readonly string[] {
  if (isAbsent(value)) return [];
  const texts = typeof value === "string" ? [value] : readList(value, "stop");
  return texts.map((text, n) => readText(text, `stop[${n}]`));
}

/** The arguments of a call, as the object that they are in JSON; an empty one where there are none. */
export function readArguments(value: unknown, path: string): unknown {
  const text = isAbsent(value) ? "" : readText(value, path);
  if (text.trim() === "") return {};
  try {
    return readObject(parseExact(text), path);
  } catch {
    throw refuseField(path, "must be an object in JSON", "必须是 JSON 对象");
  }
}
