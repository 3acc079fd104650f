import { limitFieldOf } from "../call/read-request.ts";
import {
  completionLimitField,
  type FieldRanges,
  limitField,
  modelField,
  type ScannedRequest,
  streamOptionsField,
} from "./scan-request.ts";

/** One change: the bytes from `start` to `end` become `text`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A body with a few changes that are not made yet: its size is known, so a head can be written in front of it in one buffer. */
export interface BodyPatch {
  readonly body: Buffer;
  /** What the body takes with its changes. */
  readonly bytes: number;
  /** By place, none over another. */
  readonly edits: readonly Edit[];
}

/** What a JSON object gets when it has no `stream_options` yet. */
const usageOptions = '"stream_options":{"include_usage":true},';

/**
 * The caller's body as the provider is to get it, with what `toUpstreamBody` changes: the model where its name differs there, the
 * usage that is always asked for, and the limit where `outputTokens` is given. Undefined when nothing changes: `body` goes as it is.
 */
export function patchBody(
  request: ScannedRequest,
  upstreamModel: string,
  outputTokens: number | undefined,
): BodyPatch | undefined {
  const asksForUsage = request.isStream && !request.wantsUsage;
  if (upstreamModel === request.model && !asksForUsage && outputTokens === undefined) return undefined;
  const { body, ranges } = request;
  const edits: Edit[] = [];
  let added = "";
  if (upstreamModel !== request.model) edits.push(replace(ranges, modelField, JSON.stringify(upstreamModel)));
  if (asksForUsage) {
    if (isPresent(ranges, streamOptionsField)) edits.push(askForUsage(body, ranges));
    else added += usageOptions;
  }
  if (outputTokens !== undefined) {
    const name = request.outputLimit?.field ?? limitFieldOf("chat", upstreamModel);
    const field = name === "max_tokens" ? limitField : completionLimitField;
    // `null` may stand there: it is no limit, but it is the place of one.
    if (isPresent(ranges, field)) edits.push(replace(ranges, field, String(outputTokens)));
    else added += `"${name}":${outputTokens},`;
  }
  const first = body.indexOf("{") + 1;
  if (added !== "") edits.push({ start: first, end: first, text: added });
  edits.sort((a, b) => a.start - b.start);
  return { body, bytes: sizeOf(body, edits), edits };
}

/** Writes the patched body at `at`, where there must be room for `bytes`; gives where it ends. */
export function writePatched({ body, edits }: BodyPatch, target: Buffer, at: number): number {
  let from = 0;
  let to = at;
  for (const { start, end, text } of edits) {
    to += body.copy(target, to, from, start);
    to += target.write(text, to);
    from = end;
  }
  return to + body.copy(target, to, from);
}

function isPresent(ranges: FieldRanges, field: number): boolean {
  return ranges[2 * field + 1] !== 0;
}

function replace(ranges: FieldRanges, field: number, text: string): Edit {
  return { start: ranges[2 * field] ?? 0, end: ranges[2 * field + 1] ?? 0, text };
}

/** The caller's own options stay. */
function askForUsage(body: Buffer, ranges: FieldRanges): Edit {
  const edit = replace(ranges, streamOptionsField, "");
  const options: unknown = JSON.parse(body.toString("utf8", edit.start, edit.end));
  const asked = typeof options === "object" && options !== null ? options : {};
  return { ...edit, text: JSON.stringify({ ...asked, include_usage: true }) };
}

function sizeOf(body: Buffer, edits: readonly Edit[]): number {
  let bytes = body.length;
  for (const { start, end, text } of edits) bytes += Buffer.byteLength(text) - (end - start);
  return bytes;
}
