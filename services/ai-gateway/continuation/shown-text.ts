import type { ReadCall } from "../dialects/dialect.ts";
import { fieldOf } from "../dialects/openai/usage.ts";

/** What a stream has said of an answer that may be gone on with elsewhere: as its provider said it, before anything looked at it. */
export interface ShownText {
  text: string;
  /** False once it has shown what no other target can go on from: a tool call, thoughts, log probabilities, a second choice, or too much. */
  isPlain: boolean;
  /** What its events say of themselves, and the rest of the answer is to say, too. */
  head: Readonly<Record<string, unknown>>;
  /** What of its text another target may be given; all of it unless given. */
  readonly toTell: ReadCall["toTell"];
}

/** A longer text is not given to another target. */
const maxLength = 262_144;
const ofHead = ["id", "created", "model"] as const;
const plainFields = new Set(["role", "content"]);

export function startShownText(toTell?: ReadCall["toTell"]): ShownText {
  return { text: "", isPlain: true, head: {}, toTell };
}

/** Adds a chunk in chat's form that has been passed on. */
export function noteShown(shown: ShownText, chunk: unknown): void {
  if (!shown.isPlain) return;
  const choices = fieldOf(chunk, "choices");
  for (const choice of Array.isArray(choices) ? choices : []) {
    const delta = fieldOf(choice, "delta");
    const content = fieldOf(delta, "content");
    const isPlain =
      !fieldOf(choice, "index") &&
      !fieldOf(choice, "logprobs") &&
      (content === undefined || content === null || typeof content === "string") &&
      Object.entries(Object(delta)).every(([name, value]) => plainFields.has(name) || isNothing(value));
    if (isPlain) shown.text += content ?? "";
    shown.isPlain &&= isPlain && shown.text.length <= maxLength;
  }
  if (shown.text !== "" && fieldOf(shown.head, "id") === undefined) {
    shown.head = Object.fromEntries(ofHead.map((name) => [name, fieldOf(chunk, name)]));
  }
}

function isNothing(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}
