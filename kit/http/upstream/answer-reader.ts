import { byteOf } from "./bytes.ts";
import { createBodyState, readBody, startBody } from "./response-body.ts";
import { maxHeadBytes, parseResponseHead, protocol, type ResponseHead } from "./response-head.ts";
import { MalformedAnswer } from "./upstream-error.ts";

/** Interim answers (1xx) before the answer. More of them are a way never to answer. */
export const maxInterimAnswers = 8;

/** Hears of one answer. */
export interface AnswerEvents {
  onHead(head: ResponseHead): void;
  /** A piece of the body. It is a view of the bytes being read, which are used again as soon as this returns. */
  onData(bytes: Buffer): void;
}

/** Turns the bytes of one connection into answers, one after the other. Knows nothing of sockets and of time. */
export interface AnswerReader {
  /** Expects an answer. */
  begin(events: AnswerEvents, isHeadRequest: boolean): void;
  /**
   * Takes the first `size` bytes of `bytes`. Returns how many of them belong to the answer, or to what was before it:
   * fewer than `size` where the answer has ended. Throws `MalformedAnswer`.
   */
  take(bytes: Buffer, size: number): number;
  /** Gives up the answer, also from within its events: nothing more is heard of it. */
  drop(): void;
  /** True when the answer is whole. */
  isDone(): boolean;
  /** True when closing the connection is how the body ends, so that it is whole then. */
  endsByClosing(): boolean;
}

const headEnd = Buffer.from("\r\n\r\n", "latin1");
const nothing = Buffer.alloc(0);

export function createAnswerReader(): AnswerReader {
  const body = createBodyState();
  let events: AnswerEvents | undefined;
  let isHeadRequest = false;
  let isInBody = false;
  let interimAnswers = 0;
  /** What came of a head that is not whole yet, in the first `heldBytes` of `held`. */
  let held: Buffer = nothing;
  let heldBytes = 0;
  let current: Buffer = nothing;

  const onPiece = (start: number, end: number): void => {
    events?.onData(current.subarray(start, end));
  };

  /** Reads a head from `bytes` and gives where it ends; undefined where it is not whole. */
  function readHead(bytes: Buffer, start: number, size: number, searchFrom: number): number | undefined {
    const found = bytes.indexOf(headEnd, searchFrom);
    const end = found < 0 || found + 4 > size ? undefined : found + 4;
    // Endless heads end here, however slowly they come.
    if ((end ?? size) - start > maxHeadBytes) throw new MalformedAnswer("the head of the answer is too large");
    if (end === undefined) {
      refuseHopeless(bytes, start, size, searchFrom);
      return undefined;
    }
    const head = parseResponseHead(bytes, start, end, isHeadRequest);
    if (head.status >= 200) {
      isInBody = true;
      startBody(body, head);
      events?.onHead(head);
      return end;
    }
    // Nothing was asked for that could change the protocol: an answer that does it leaves bytes that nobody can read.
    if (head.status === 101) throw new MalformedAnswer("the answer changes the protocol");
    // The last answer of a connection is a final one; what came behind this would be nobody's. RFC 9110, 15.2: there is none in HTTP/1.0.
    if (!head.isKept) throw new MalformedAnswer("an interim answer closes the connection");
    if (++interimAnswers > maxInterimAnswers) throw new MalformedAnswer("too many interim answers");
    return end;
  }

  /** Keeps the beginning of a head until the rest has come. */
  function hold(bytes: Buffer, start: number, size: number): void {
    const added = size - start;
    if (heldBytes + added > held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(2 * (heldBytes + added), 1_024), 2 * maxHeadBytes));
      held.copy(larger, 0, 0, heldBytes);
      held = larger;
    }
    bytes.copy(held, heldBytes, start, size);
    heldBytes += added;
  }

  function release(): void {
    held = nothing;
    heldBytes = 0;
  }

  /** The rest of a head that was held. Gives how many of `bytes` belonged to it; undefined where it is still not whole. */
  function completeHead(bytes: Buffer, size: number): number | undefined {
    const before = heldBytes;
    // No more than a head may have: what comes with its end can be a whole read of body.
    const added = Math.min(size, maxHeadBytes + 1 - before);
    hold(bytes, 0, added);
    const end = readHead(held, 0, heldBytes, Math.max(0, before - 3));
    if (end === undefined) return undefined;
    release();
    return end - before;
  }

  return {
    begin(given, isHead) {
      events = given;
      isHeadRequest = isHead;
      isInBody = false;
      interimAnswers = 0;
      body.isDone = false;
    },
    take(bytes, size) {
      if (body.isDone) return 0;
      let at = 0;
      if (heldBytes > 0) {
        const end = completeHead(bytes, size);
        if (end === undefined) return size;
        at = end;
      }
      while (!isInBody && events) {
        const end = readHead(bytes, at, size, at);
        if (end === undefined) {
          if (at < size) hold(bytes, at, size);
          return size;
        }
        at = end;
      }
      current = bytes;
      at = readBody(body, bytes, at, size, onPiece);
      current = nothing;
      return at;
    },
    drop() {
      events = undefined;
      body.isDone = true;
      release();
    },
    isDone: () => isInBody && body.isDone,
    endsByClosing: () => isInBody && body.framing === "until_close",
  };
}

/** Refuses what cannot become a head at once, instead of waiting for an end that the peer thinks to have sent. */
function refuseHopeless(bytes: Buffer, start: number, size: number, searchFrom: number): void {
  for (let n = 0; n < protocol.length && start + n < size; n++) {
    if (bytes[start + n] !== protocol[n]) throw new MalformedAnswer("the answer does not begin with HTTP/1.");
  }
  for (let at = searchFrom; at < size; at++) {
    if (bytes[at] === byteOf.lf && (at === start || bytes[at - 1] !== byteOf.cr)) {
      throw new MalformedAnswer("a line end in the head is not CRLF");
    }
  }
}
