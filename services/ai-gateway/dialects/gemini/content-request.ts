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
import { readMessage, readOptionalMessage } from "./content-fields.ts";
import { readInstruction, toChatMessages } from "./content-messages.ts";
import { toJsonSchema } from "./content-schema.ts";

/** A request of `generateContent`, in chat's form, and what of it decides how the answer is written. */
export interface ContentRequest {
  readonly request: CallRequest;
  readonly showsThoughts: boolean;
}

/** What Google would filter and how it files a call says nothing of the answer elsewhere. */
const requestFields = new Set([
  ...["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "labels", "model"],
]);
const configFields = new Set([
  ...["temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed"],
  ...["presencePenalty", "frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema"],
  ...["thinkingConfig", "responseModalities"],
]);
const declarationFields = new Set(["name", "description", "parameters", "parametersJsonSchema", "behavior"]);
const maxInteger = 2_147_483_647;

/** Reads a request for an answer. Throws `invalid_request` naming the field. */
export function readContentRequest(model: string, isStream: boolean, body: Fields): ContentRequest {
  const json = readMessage(body, "");
  refuseOthers(json, requestFields, "");
  const config = readOptionalMessage(json["generationConfig"], "generationConfig") ?? {};
  refuseOthers(config, configFields, "generationConfig");
  const thinking = readThinking(config["thinkingConfig"]);
  const chat = {
    ...{ model, messages: readMessages(json) },
    ...{ stream: isStream },
    ...readTools(json),
    ...readConfig(config),
    ...(thinking.effort !== undefined && { reasoning_effort: thinking.effort }),
  };
  const limit = readOptional(config["maxOutputTokens"], "generationConfig.maxOutputTokens", (value, path) =>
    readInteger(value, path, 1, maxOutputLimit),
  );
  const request = readRequest("chat", Buffer.from(JSON.stringify(chat)));
  return {
    request: { ...request, outputLimit: limit === undefined ? undefined : { field: undefined, tokens: limit } },
    showsThoughts: thinking.isShown,
  };
}

/** Reads a request for the number of its tokens: of contents, or of a whole request. Throws as `readContentRequest` does. */
export function readContentToCount(model: string, body: Fields): CallRequest {
  const json = readMessage(body, "");
  const whole = readOptionalMessage(json["generateContentRequest"], "generateContentRequest") ?? json;
  const chat = { model, messages: readMessages(whole), ...readTools(whole) };
  return readRequest("chat", Buffer.from(JSON.stringify(chat)));
}

function readMessages(json: Fields): readonly object[] {
  const system = readOptional(json["systemInstruction"], "systemInstruction", readInstruction) ?? "";
  const messages = toChatMessages(json["contents"], "contents");
  return system === "" ? messages : [{ role: "system", content: system }, ...messages];
}

/** Only functions of the caller's own: Google's tools run at Google. */
function readTools(json: Fields): Fields {
  const listed = readOptional(json["tools"], "tools", readList) ?? [];
  const tools = listed.flatMap((item, index) => {
    const path = `tools[${index}]`;
    const tool = readMessage(item, path);
    refuseOthers(tool, new Set(["functionDeclarations"]), path);
    const declared = readList(tool["functionDeclarations"] ?? [], `${path}.functionDeclarations`);
    return declared.map((declaration, n) => toTool(declaration, `${path}.functionDeclarations[${n}]`));
  });
  return tools.length === 0 ? {} : { tools, ...readChoice(json["toolConfig"]) };
}

function toTool(value: unknown, path: string): object {
  const declaration = readMessage(value, path);
  refuseOthers(declaration, declarationFields, path);
  const { parameters, parametersJsonSchema } = declaration;
  const schema = readOptional(parametersJsonSchema, `${path}.parametersJsonSchema`, readObject);
  const own = readOptional(parameters, `${path}.parameters`, readObject);
  return toFunctionTool({
    name: readText(declaration["name"], `${path}.name`),
    description: readOptional(declaration["description"], `${path}.description`, readText),
    parameters: schema ?? (own && (toJsonSchema(own) as object)),
    strict: undefined,
  });
}

function readChoice(value: unknown): Fields {
  const tools = readOptionalMessage(value, "toolConfig");
  const config = readOptionalMessage(tools?.["functionCallingConfig"], "toolConfig.functionCallingConfig");
  if (!config) return {};
  const path = "toolConfig.functionCallingConfig";
  const mode = readOptional(config["mode"], `${path}.mode`, (given, at) =>
    readOneOf(given, at, ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"]),
  );
  const allowed = readOptional(config["allowedFunctionNames"], `${path}.allowedFunctionNames`, readList) ?? [];
  const [name, other] = allowed;
  // Chat can name one function, or all.
  if (other !== undefined) throw unsupported(`${path}.allowedFunctionNames`);
  if (name !== undefined) return { tool_choice: toFunctionChoice(readText(name, `${path}.allowedFunctionNames[0]`)) };
  if (mode === "ANY") return { tool_choice: "required" };
  return mode === "NONE" ? { tool_choice: "none" } : {};
}

function readConfig(config: Fields): Fields {
  const at = (name: string) => `generationConfig.${name}`;
  const numberOf = (name: string) => readOptional(config[name], at(name), readNumber);
  const integerOf = (name: string, least: number, most: number) =>
    readOptional(config[name], at(name), (value, path) => readInteger(value, path, least, most));
  const choices = integerOf("candidateCount", 1, 8) ?? 1;
  if (choices > 1) throw unsupported(at("candidateCount"));
  const modalities = readOptional(config["responseModalities"], at("responseModalities"), readList) ?? ["TEXT"];
  if (modalities.some((modality) => modality !== "TEXT")) throw unsupported(at("responseModalities"));
  const stops = readOptional(config["stopSequences"], at("stopSequences"), readList) ?? [];
  const fields = {
    temperature: numberOf("temperature"),
    top_p: exceptOwn(numberOf("topP"), 0.95),
    top_k: exceptOwn(integerOf("topK", 0, maxInteger), 64),
    seed: integerOf("seed", -maxInteger - 1, maxInteger),
    presence_penalty: numberOf("presencePenalty"),
    frequency_penalty: numberOf("frequencyPenalty"),
    stop: stops.length > 0 ? stops.map((stop, n) => readText(stop, `${at("stopSequences")}[${n}]`)) : undefined,
    response_format: readFormat(config),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * What Google's models do anyway asks for nothing: Gemini CLI says it in every request, and of other vendors some have no such parameter or
 * take only one of them (ai.google.dev/api/models, `topP`, `topK`).
 */
function exceptOwn(value: number | undefined, googles: number): number | undefined {
  return value === googles ? undefined : value;
}

function readFormat(config: Fields): object | undefined {
  const { responseMimeType, responseSchema, responseJsonSchema } = config;
  const at = "generationConfig";
  const type = readOptional(responseMimeType, `${at}.responseMimeType`, (value, path) =>
    readOneOf(value, path, ["text/plain", "application/json"]),
  );
  const own = readOptional(responseSchema, `${at}.responseSchema`, readObject);
  const schema = readOptional(responseJsonSchema, `${at}.responseJsonSchema`, readObject) ?? (own && toJsonSchema(own));
  if (type !== "application/json") {
    if (schema === undefined) return undefined;
    throw refuseField(
      `${at}.responseMimeType`,
      "must be application/json beside a schema",
      "有 schema 时必须是 application/json",
    );
  }
  if (schema === undefined) return { type: "json_object" };
  return { type: "json_schema", json_schema: { name: "output", schema } };
}

const levels = { MINIMAL: "minimal", LOW: "low", MEDIUM: "medium", HIGH: "high" } as const;

/** A budget of thinking tokens becomes one of chat's efforts, as near as they are; a level that is named goes before it. */
function readThinking(value: unknown): { readonly effort: string | undefined; readonly isShown: boolean } {
  const path = "generationConfig.thinkingConfig";
  const thinking = readOptionalMessage(value, path) ?? {};
  refuseOthers(thinking, new Set(["thinkingBudget", "thinkingLevel", "includeThoughts"]), path);
  const isShown = readOptional(thinking["includeThoughts"], `${path}.includeThoughts`, readFlag) === true;
  const level = readOptional(thinking["thinkingLevel"], `${path}.thinkingLevel`, (given, at) =>
    readOneOf(typeof given === "string" ? given.toUpperCase() : given, at, ["MINIMAL", "LOW", "MEDIUM", "HIGH"]),
  );
  const budget = readOptional(thinking["thinkingBudget"], `${path}.thinkingBudget`, (given, at) =>
    readInteger(given, at, -1, maxOutputLimit),
  );
  return { effort: level === undefined ? effortOf(budget) : levels[level], isShown };
}

/** −1 leaves it to the model. */
function effortOf(budgetTokens: number | undefined): string | undefined {
  if (budgetTokens === undefined || budgetTokens < 0) return undefined;
  if (budgetTokens === 0) return "none";
  if (budgetTokens < 4_096) return "low";
  return budgetTokens < 16_384 ? "medium" : "high";
}
