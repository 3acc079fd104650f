import { byteAt, type JsonBytes, notJson, skipString } from "./json-bytes.ts";
import { clearFacts, type EventFacts } from "./scan-event.ts";

/** Longer events are not remembered: they are rare, and ten thousand streams remember one each. */
const maxFrameBytes = 1_024;
const lineFeed = 0x0a;

/**
 * Remembers one event of a stream, so that another one which differs only in its text need not be read again: all that it says
 * otherwise is what the first one said. Nothing is guessed: every byte outside the text is compared, and the text is proven to be
 * one JSON string.
 */
export interface EventFrame {
  /** Remembers the event from `start` to `end`, of which `facts` were read, unless it says more than text. */
  learn(json: JsonBytes, start: number, end: number, facts: EventFacts): void;
  /** Where the event at `at` ends, with `facts` filled in, when it is like the one remembered; `notJson` for any other. */
  match(json: JsonBytes, at: number, facts: EventFacts): number;
}

export function createEventFrame(): EventFrame {
  let frame = new Uint8Array(0);
  let length = 0;
  /** Where in it the strings stand that change, the text and the padding: start and end of each, by place. */
  let holes: number[] = [];
  let isTextFirst = true;
  let learned: Pick<EventFacts, "serviceMode" | "modelStart" | "modelEnd" | "noUsageStart" | "noUsageEnd"> = {
    ...{ serviceMode: undefined, modelStart: 0, modelEnd: 0, noUsageStart: 0, noUsageEnd: 0 },
  };

  function isSame({ bytes, length: available }: JsonBytes, at: number, from: number, to: number): boolean {
    if (at + to - from > available) return false;
    for (let i = from, k = at; i < to; i++, k++) if (bytes[k] !== frame[i]) return false;
    return true;
  }

  /** Sets where the model's value and a usage of null stand when they do in the part of the frame that begins at `from` and here at `at`. */
  function placeFields(facts: EventFacts, at: number, from: number, to: number): void {
    const { modelStart, modelEnd, noUsageStart, noUsageEnd } = learned;
    if (modelStart !== modelEnd && modelStart >= from && modelStart < to) {
      facts.modelStart = modelStart - from + at;
      facts.modelEnd = modelEnd - from + at;
    }
    if (noUsageStart === noUsageEnd || noUsageStart < from || noUsageStart >= to) return;
    facts.noUsageStart = noUsageStart - from + at;
    facts.noUsageEnd = noUsageEnd - from + at;
  }

  return {
    learn(json, start, end, facts) {
      const saysMore = facts.finished !== 0 || facts.usage !== undefined || facts.isUsageOnly;
      // An event that ends in CR may still turn out to end in CR LF: only what ends in LF always ends there.
      if (saysMore || facts.textStart === 0 || byteAt(json, end - 1) !== lineFeed || end - start > maxFrameBytes)
        return;
      length = end - start;
      if (frame.length < length) frame = new Uint8Array(length);
      frame.set(json.bytes.subarray(start, end));
      const text = [facts.textStart - start, facts.textEnd - start];
      const padding = facts.paddingStart === 0 ? [] : [facts.paddingStart - start, facts.paddingEnd - start];
      isTextFirst = padding.length === 0 || facts.textStart < facts.paddingStart;
      holes = isTextFirst ? [...text, ...padding] : [...padding, ...text];
      const { serviceMode, modelStart, modelEnd, noUsageStart, noUsageEnd } = facts;
      learned = {
        ...{ serviceMode, modelStart: modelStart - start, modelEnd: modelEnd - start },
        ...{ noUsageStart: noUsageStart - start, noUsageEnd: noUsageEnd - start },
      };
    },

    match(json, at, facts) {
      if (length === 0) return notJson;
      let i = at;
      let from = 0;
      clearFacts(facts);
      for (let hole = 0; hole < holes.length; hole += 2) {
        const holeStart = holes[hole] ?? 0;
        if (!isSame(json, i, from, holeStart)) return notJson;
        placeFields(facts, i, from, holeStart);
        i += holeStart - from;
        from = holes[hole + 1] ?? 0;
        const end = skipString(json, i - 1);
        if (end === notJson) return notJson;
        if (isTextFirst === (hole === 0)) {
          facts.textStart = i;
          facts.textEnd = end - 1;
        } else {
          facts.paddingStart = i;
          facts.paddingEnd = end - 1;
        }
        i = end - 1;
      }
      if (!isSame(json, i, from, length)) return notJson;
      placeFields(facts, i, from, length);
      facts.serviceMode = learned.serviceMode;
      return i + length - from;
    },
  };
}
