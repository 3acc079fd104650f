import type { AnswerWriter, AskedCall } from "../dialects/dialect.ts";
import type { BodyLog, RecordedCall } from "./body-log.ts";

/** A call of which is kept what is said in it. */
export interface BodyRecord {
  /** The call, made so that its answer is noted as its caller gets it. */
  readonly askedCall: AskedCall;
  /** The answer came from the cache, whole, as that of a call of its own. */
  noteCached(callId: string, bytes: Buffer): void;
  /** Gives it to those who write it. To be called once, however the call ended. */
  end(): void;
}

/** One attempt's answer, as it was written for the caller. */
interface Pieces {
  readonly list: Buffer[];
  isComplete: boolean;
}

/** Notes what a caller is told, whichever of the call's attempts tells it. Nothing waits for it, and nothing fails by it. */
export function recordBodies(log: BodyLog, asked: AskedCall, call: Omit<RecordedCall, "request">): BodyRecord {
  const attempts: Pieces[] = [];
  let takenBytes = 0;
  let isDropped = false;
  let { callId } = call;

  const request = asked.asked.opened ?? asked.asked.body;
  take(request.length);

  function take(bytes: number): boolean {
    if (isDropped) return false;
    if (log.take(bytes)) {
      takenBytes += bytes;
      return true;
    }
    isDropped = true;
    for (const attempt of attempts) attempt.list.length = 0;
    return false;
  }

  function open(): Pieces {
    const pieces: Pieces = { list: [], isComplete: false };
    attempts.push(pieces);
    return pieces;
  }

  function add(pieces: Pieces, bytes: Buffer | undefined): void {
    if (bytes && take(bytes.length)) pieces.list.push(bytes);
  }

  return {
    askedCall: {
      ...asked,
      readFor(provider, upstreamName) {
        const read = asked.readFor(provider, upstreamName);
        return { ...read, createWriter: (facts) => noting(read.createWriter(facts), open(), add) };
      },
    },
    noteCached(cachedCallId, bytes) {
      callId = cachedCallId;
      const pieces = open();
      add(pieces, bytes);
      pieces.isComplete = true;
    },
    end() {
      if (isDropped) return log.drop(call, takenBytes);
      const told = attempts.find(({ isComplete }) => isComplete) ?? attempts.findLast(({ list }) => list.length > 0);
      const answer = told && Buffer.concat(told.list);
      log.add({ ...call, callId, request }, { answer, isComplete: told?.isComplete ?? false, takenBytes });
    },
  };
}

function noting(
  writer: AnswerWriter,
  pieces: Pieces,
  add: (pieces: Pieces, bytes: Buffer | undefined) => void,
): AnswerWriter {
  const { streamContentType, keepAlive } = writer;
  const note = <Bytes extends Buffer | undefined>(bytes: Bytes): Bytes => {
    add(pieces, bytes);
    return bytes;
  };
  const end = (bytes: Buffer): Buffer => {
    pieces.isComplete = true;
    return note(bytes);
  };
  return {
    ...(streamContentType !== undefined && { streamContentType }),
    ...(keepAlive && { keepAlive }),
    whole(body, json, tokens) {
      const bytes = writer.whole(body, json, tokens);
      return bytes instanceof Promise ? bytes.then(end) : end(bytes);
    },
    event: (event, json) => note(writer.event(event, json)),
    end(tokens) {
      const bytes = writer.end(tokens);
      return bytes instanceof Promise ? bytes.then(end) : end(bytes);
    },
    fail: (failure, locale) => note(writer.fail(failure, locale)),
  };
}
