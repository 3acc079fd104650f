import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { isPlain, toText } from "../servers/plain-text.ts";
import { maxDescriptionLength, maxTitleLength } from "./read-listing.ts";

/** A prompt as its server describes it, within our bounds. */
export interface Prompt {
  /** As the server has it. */
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly arguments: readonly PromptArgument[];
}

export interface PromptArgument {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly required: boolean;
}

const maxNameLength = 128;
const maxArguments = 100;

/** Undefined for one whose name or arguments are not taken. */
export function readPrompt({ name, title, description, arguments: given = [] }: RpcParams): Prompt | undefined {
  if (!isPlain(name, maxNameLength) || !Array.isArray(given) || given.length > maxArguments) return undefined;
  const read = given.map(readArgument);
  if (read.some((one) => one === undefined)) return undefined;
  return {
    name,
    title: toText(title, maxTitleLength),
    description: toText(description, maxDescriptionLength),
    arguments: read.filter((one) => one !== undefined),
  };
}

function readArgument(entry: unknown): PromptArgument | undefined {
  if (!isObject(entry) || !isPlain(entry["name"], maxNameLength)) return undefined;
  const { name, title, description, required } = entry;
  return {
    ...{ name, title: toText(title, maxTitleLength), description: toText(description, maxDescriptionLength) },
    required: required === true,
  };
}
