import { deflateRawSync, inflateRawSync } from "node:zlib";
import { findFields, setFields } from "../dialects/openai/json-fields.ts";
import type { ResponseObject } from "../dialects/responses/response-object.ts";

/** Events of one response, each as it is sent and with its blank line. */
export type EventTexts = readonly string[];

const numberField = new Set(["sequence_number"]);
const maxUnpackedBytes = 268_435_456;

/** An event under its number in the response's stream; of its data nothing else changes. `data` is a JSON object. */
export function toEventText(type: string, data: string, sequence: number): string {
  // JSON has line breaks only between its tokens; within an event they would end the line.
  const line = Buffer.from(data.replaceAll(/[\r\n]+/g, " "));
  const fields = findFields(line, numberField);
  const numbered = fields
    ? setFields(line, fields, new Map([["sequence_number", String(sequence)]])).toString()
    : JSON.stringify({ ...JSON.parse(data), sequence_number: sequence });
  return `event: ${type}\ndata: ${numbered}\n\n`;
}

/** An event that shows the response as it stands. */
export function toStateEvent(type: string, response: ResponseObject, sequence: number): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, response, sequence_number: sequence })}\n\n`;
}

/**
 * The event in which a response ends. For one that was cancelled OpenAI's clients know none: they are told that it is incomplete, and its
 * status says why.
 */
export function toEndEvent(response: ResponseObject, sequence: number): string {
  const { status } = response;
  return toStateEvent(`response.${status === "cancelled" ? "incomplete" : status}`, response, sequence);
}

/** Events say the same again and again: packed they take a tenth. */
export function packEvents(events: EventTexts): Buffer {
  return deflateRawSync(Buffer.from(events.join("")));
}

export function unpackEvents(packed: Buffer): EventTexts {
  const text = inflateRawSync(packed, { maxOutputLength: maxUnpackedBytes }).toString("utf8");
  return text.split(/(?<=\n\n)/);
}
