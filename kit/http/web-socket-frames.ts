/** Where one is in the frames of one direction of a WebSocket. */
export interface FrameFollower {
  /** True between two messages: one of one's own may stand here. */
  readonly isBetween: boolean;
  /** True once a close frame has gone by. */
  readonly isClosed: boolean;
  /** How many frames of messages have begun: what keeps a connection alive is none. */
  readonly frames: number;
  /** Follows `chunk`, as far as the next place between two messages where `stops`; gives how many bytes that were. */
  follow(chunk: Buffer, stops: boolean): number;
}

const closeOpcode = 8;
const textOpcode = 1;

/** Follows frames (RFC 6455, 5.2) by their heads alone. What the frames are cut into does not matter. */
export function createFrameFollower(): FrameFollower {
  const head: number[] = [];
  let bytesLeft = 0;
  let isWithin = false;
  let isClosed = false;
  let frames = 0;

  /** Reads a head that is whole. */
  function begin(): void {
    const [first = 0] = head;
    const opcode = first & 15;
    if (opcode < closeOpcode) {
      isWithin = (first & 128) === 0;
      frames++;
    }
    if (opcode === closeOpcode) isClosed = true;
    bytesLeft = lengthIn(head);
    head.length = 0;
  }

  const isBetween = () => head.length === 0 && bytesLeft === 0 && !isWithin;
  return {
    get isBetween() {
      return isBetween();
    },
    get isClosed() {
      return isClosed;
    },
    get frames() {
      return frames;
    },
    follow(chunk, stops) {
      let at = 0;
      while (at < chunk.length && !(stops && isBetween())) {
        if (bytesLeft > 0) {
          const taken = Math.min(bytesLeft, chunk.length - at);
          at += taken;
          bytesLeft -= taken;
          continue;
        }
        head.push(chunk[at++] ?? 0);
        if (head.length >= 2 && head.length === headBytes(head[1] ?? 0)) begin();
      }
      return at;
    },
  };
}

/** How long a head is by its second byte. */
function headBytes(second: number): number {
  const length = second & 127;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 128 ? 4 : 0);
}

function lengthIn(head: readonly number[]): number {
  const length = (head[1] ?? 0) & 127;
  if (length < 126) return length;
  return head.slice(2, length === 126 ? 4 : 10).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A text of at most 65,535 bytes, where there is one, and then the close of a WebSocket, as a server sends them. */
export function toLastFrames({ text, code }: { readonly text: string; readonly code: number }): Buffer {
  const close = Buffer.from([128 | closeOpcode, 2, code >> 8, code & 255]);
  if (text === "") return close;
  const bytes = Buffer.from(text);
  const length = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([128 | textOpcode, ...length]), bytes, close]);
}
