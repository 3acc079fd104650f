import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { OpenExchange } from "../intake.ts";

/** A larger body is written beside its head instead of being copied behind it. */
const maxJoinedBytes = 65_536;
const noBytes = new Uint8Array();

/** What a reply needs of its connection. */
export interface Carrier {
  readonly socket: Socket;
  /** Date and whether the connection stays, as header lines. */
  commonHeaders(): string;
  /** The answer has been written to its end. */
  finish(): void;
  /** The request is to be served the ordinary way. */
  handOver(): void;
}

/**
 * The answer to one request. What comes after its end, or after the client has left, is ignored; a call out of order
 * before that is a bug and throws a TypeError.
 *
 * `headers` is text that ends each line with CRLF, as `toHeaderText` makes it, without framing, Date and Connection:
 * those are the lane's.
 */
export class LaneReply {
  /** Called when a `write` that returned false has gone out. */
  onDrain: (() => void) | undefined = undefined;
  /** Called once if the client leaves before the answer has ended. */
  onClose: (() => void) | undefined = undefined;
  /** What it answers, for whoever looks at what is under way. */
  exchange: OpenExchange | undefined = undefined;
  #carrier: Carrier;
  #phase: "new" | "begun" | "over" = "new";
  /** A head that waits for the first bytes of its body, at most until this turn of the loop has ended. */
  #head = "";

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /** True until the answer has ended or the client has left. */
  get isOpen(): boolean {
    return this.#phase !== "over";
  }

  /** True once an answer has begun: nothing else can be answered any more. */
  get hasBegun(): boolean {
    return this.#phase !== "new";
  }

  /** A whole answer in one write. `bytes` belong to the connection from now on. */
  whole(status: number, headers: string, bytes: Uint8Array): void {
    if (!this.#isDue("new", "whole")) return;
    const { socket } = this.#carrier;
    // RFC 9110, 6.4.1 and 8.6: these have no content, whatever was given, and name no length; a body would be read as the
    // beginning of the next answer.
    const isEmpty = status === 204 || status === 304;
    const content = isEmpty ? noBytes : bytes;
    const head = `${this.#headText(status, headers)}${isEmpty ? "" : `Content-Length: ${bytes.length}\r\n`}\r\n`;
    if (content.length <= maxJoinedBytes) {
      socket.write(join(head, content));
    } else {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(content);
      socket.uncork();
    }
    this.#finish();
  }

  /** Begins an answer of unknown length. Its head leaves with the first bytes, or at the end of this turn of the loop. */
  start(status: number, headers: string): void {
    if (!this.#isDue("new", "start")) return;
    this.#phase = "begun";
    this.#head = `${this.#headText(status, headers)}Transfer-Encoding: chunked\r\n\r\n`;
    process.nextTick(writeHead, this);
  }

  /**
   * Bytes of the body; they are copied, and may be written over at once. False when the client does not keep up (or has
   * left): wait for `onDrain`. What is written all the same is kept in memory.
   */
  write(bytes: Uint8Array): boolean {
    if (!this.#isDue("begun", "write")) return false;
    // An empty chunk would be the last one.
    if (bytes.length === 0) return !this.#carrier.socket.writableNeedDrain;
    return this.#carrier.socket.write(toChunk(this.#takeHead(), bytes, "\r\n"));
  }

  /** Like `write`, for bytes that are whole chunks already, and none of them the last. Nothing checks that. */
  writeChunks(chunks: Uint8Array): boolean {
    if (!this.#isDue("begun", "writeChunks")) return false;
    return this.#carrier.socket.write(join(this.#takeHead(), chunks));
  }

  /** Ends an answer that was begun, after the last bytes if there are any. */
  end(bytes?: Uint8Array): void {
    if (!this.#isDue("begun", "end")) return;
    const { socket } = this.#carrier;
    if (bytes === undefined || bytes.length === 0) socket.write(`${this.#takeHead()}0\r\n\r\n`, "latin1");
    else socket.write(toChunk(this.#takeHead(), bytes, "\r\n0\r\n\r\n"));
    this.#finish();
  }

  /** Cuts the connection: an answer that has begun is seen to be incomplete. */
  destroy(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#carrier.socket.destroy();
  }

  /** Ends the connection as if the client had left: whoever serves it is told so. */
  cut(): void {
    if (this.#phase !== "over") this.#carrier.socket.destroy();
  }

  /** The ordinary server gets the request as it came, and the connection with it. Only before an answer has begun. */
  handOver(): void {
    if (!this.#isDue("new", "handOver")) return;
    this.#phase = "over";
    this.#carrier.handOver();
  }

  /** For the connection: the client has left. */
  leave(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.onClose?.();
  }

  /** For the end of the turn in which the answer began. */
  flushHead(): void {
    if (this.#phase === "begun" && this.#head !== "") this.#carrier.socket.write(this.#takeHead(), "latin1");
  }

  #isDue(phase: "new" | "begun", call: string): boolean {
    if (this.#phase === phase) return true;
    if (this.#phase === "over") return false;
    throw new TypeError(`${call} of an answer that has ${phase === "new" ? "begun" : "not begun"}`);
  }

  #headText(status: number, headers: string): string {
    return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${this.#carrier.commonHeaders()}${headers}`;
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #finish(): void {
    this.#phase = "over";
    this.#carrier.finish();
  }
}

function writeHead(reply: LaneReply): void {
  reply.flushHead();
}

/** Header lines. Throws a TypeError for a name or a value that would end its line or is not ASCII (RFC 9110, 5.5). */
export function toHeaderText(headers: Readonly<Record<string, string | number>>): string {
  let text = "";
  for (const [name, value] of Object.entries(headers)) {
    // With CR or LF a value could add headers, or a whole answer, for the next reader of this connection.
    if (!/^[\w-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(String(value))) {
      throw new TypeError(`the header ${JSON.stringify(name)} cannot be sent`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** One chunk (RFC 9112, 7.1) behind what goes before it. */
function toChunk(before: string, bytes: Uint8Array, after: string): Buffer {
  const start = `${before}${bytes.length.toString(16)}\r\n`;
  const out = Buffer.allocUnsafe(start.length + bytes.length + after.length);
  out.write(start, 0, "latin1");
  out.set(bytes, start.length);
  out.write(after, start.length + bytes.length, "latin1");
  return out;
}

function join(before: string, bytes: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(before.length + bytes.length);
  out.write(before, 0, "latin1");
  out.set(bytes, before.length);
  return out;
}
