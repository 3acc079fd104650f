import type { Socket } from "node:net";
import type { OpenExchange } from "../intake.ts";
import type { HotHead, ParseHead, Refusal } from "./parse-head.ts";
import { type Carrier, LaneReply } from "./reply.ts";
import { HotRequest, type LaneRequest } from "./request.ts";

/** Why a connection left the lane: a request that was not hot, not whole in time or room, or not wanted. */
export type HandOverReason = Refusal | "pieces" | "slow" | "room" | "asked";

/** What the connections of a lane share. */
export interface LaneCore {
  readonly parse: ParseHead;
  readonly targets: readonly string[];
  readonly onRequest: (request: LaneRequest, reply: LaneReply) => void;
  /** When a limit that begins now is over; never early, and late by a tick at most. */
  dueIn(limitMs: number): number;
  /** Date and Connection as header lines. */
  commonHeaders(): string;
  readonly patienceMs: number;
  readonly keepAliveTimeoutMs: number;
  /** True when this many more bytes of incomplete requests may be held; takes them if so. */
  takeRoom(bytes: number): boolean;
  giveRoom(bytes: number): void;
  isClosing(): boolean;
  /** Gives the socket to the ordinary server, these bytes first. */
  handOver(socket: Socket, reason: HandOverReason, unread: readonly Buffer[]): void;
  onGone(connection: Connection): void;
}

/** One client's connection, from its first byte to its end or its hand-over. */
export interface Connection {
  /** When it is to be looked at, by the lane's monotonic time; `Infinity` while a request is served. */
  dueMs: number;
  /** Its time is over: an incomplete request goes the ordinary way, an idle connection ends. */
  expire(): void;
  /** Ends it if nothing is under way. */
  endIfIdle(): void;
  destroy(): void;
  /** What it serves now, as far as whoever serves it says. */
  exchange(): OpenExchange | undefined;
}

/**
 * `waiting` for a request or the rest of its head → `reading` a body → `serving` → `flushing` an answer that the client
 * does not take as fast as it was written → `waiting`; `over` once closed or handed over.
 */
type Phase = "waiting" | "reading" | "serving" | "flushing" | "over";

/** A head in more pieces than this is read by a parser that keeps its place, the ordinary one: ours begins again each time. */
const maxHeadPieces = 8;
const firstRoomBytes = 16_384;
/** What node:http says to a client that stops sending within a request. */
const badRequest = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
const noBytes: Buffer = Buffer.alloc(0);

/** Serves a socket's hot requests one after the other; gives it away at the first that is not. */
export function createConnection(socket: Socket, lane: LaneCore): Connection {
  const clientAddress = socket.remoteAddress ?? "";
  let phase: Phase = "waiting";
  /** Bytes that no request has taken: the beginning of a head, or what came while the request before was served. */
  let held = noBytes;
  let pieces = 0;
  let isTaking = false;
  /** The request under way: its head, the bytes that begin with it, and the body where it did not come with the head. */
  let head: HotHead | undefined;
  let headSource = noBytes;
  let gathered = noBytes;
  let gatheredBytes = 0;
  let roomBytes = 0;
  let reply: LaneReply | undefined;

  const destroy = () => void socket.destroy();
  const exchange = () => reply?.exchange;
  const connection: Connection = { dueMs: lane.dueIn(lane.keepAliveTimeoutMs), expire, endIfIdle, destroy, exchange };
  const carrier: Carrier = { socket, commonHeaders: lane.commonHeaders, finish, handOver: () => handOver("asked") };
  socket.on("data", onData).on("end", onEnd).on("drain", onDrain).on("error", ignoreError).on("close", onClose);
  return connection;

  function onData(chunk: Buffer): void {
    if (phase === "reading") {
      readBody(chunk);
    } else if (phase === "waiting") {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      pieces++;
      takeRequests();
    } else {
      // Requests sent without waiting for answers are answered one at a time: what is not read stays with the client.
      held = chunk;
      socket.pause();
    }
  }

  function takeRequests(): void {
    // An answer given at once comes back here: the loop goes on, the stack does not grow with the requests.
    if (isTaking) return;
    isTaking = true;
    while (phase === "waiting" && held.length > 0 && takeRequest());
    isTaking = false;
    if ((phase === "waiting" || phase === "reading") && socket.isPaused()) socket.resume();
  }

  /** Takes the request that `held` begins with. False when more of its head must come first, or the lane has lost it. */
  function takeRequest(): boolean {
    const verdict = lane.parse(held, 0, held.length);
    if (verdict === "more") {
      if (pieces === 1) connection.dueMs = lane.dueIn(lane.patienceMs);
      if (pieces > maxHeadPieces) handOver("pieces");
      else if (!takeRoom(held.length)) handOver("room");
      return false;
    }
    if (typeof verdict === "string") {
      handOver(verdict);
      return false;
    }
    const { endOffset, bodyBytes } = verdict;
    head = verdict;
    headSource = held;
    const endBytes = endOffset + bodyBytes;
    if (held.length >= endBytes) {
      held = held.subarray(endBytes);
      serve(headSource.subarray(endOffset, endBytes));
      return true;
    }
    phase = "reading";
    if (pieces === 1) connection.dueMs = lane.dueIn(lane.patienceMs);
    gatheredBytes = 0;
    const begun = headSource.subarray(endOffset);
    held = noBytes;
    if (begun.length > 0 && !gather(begun)) {
      held = begun;
      handOver("room");
    }
    return true;
  }

  function readBody(chunk: Buffer): void {
    const missingBytes = (head?.bodyBytes ?? 0) - gatheredBytes;
    const part = chunk.length > missingBytes ? chunk.subarray(0, missingBytes) : chunk;
    held = chunk.subarray(part.length);
    // Head and body are often two packets: the second is the body as it is.
    if (gatheredBytes === 0 && part.length === missingBytes) {
      gathered = part;
      gatheredBytes = part.length;
    } else if (!gather(part)) {
      held = chunk;
      handOver("room");
      return;
    }
    if (part.length < missingBytes) return;
    serve(gathered.length === gatheredBytes ? gathered : gathered.subarray(0, gatheredBytes));
    takeRequests();
  }

  /** Copies a part of the body behind the others, so that a body in many small pieces costs what one piece does. */
  function gather(part: Buffer): boolean {
    const neededBytes = gatheredBytes + part.length;
    if (neededBytes > gathered.length) {
      const sizeBytes = Math.min(head?.bodyBytes ?? 0, Math.max(firstRoomBytes, neededBytes * 2));
      if (!takeRoom((head?.endOffset ?? 0) + sizeBytes)) return false;
      const grown = Buffer.allocUnsafe(sizeBytes);
      gathered.copy(grown, 0, 0, gatheredBytes);
      gathered = grown;
    }
    part.copy(gathered, gatheredBytes);
    gatheredBytes = neededBytes;
    return true;
  }

  function serve(body: Buffer): void {
    if (!head) return;
    giveRoom();
    phase = "serving";
    connection.dueMs = Number.POSITIVE_INFINITY;
    if (held.length > 0) socket.pause();
    reply = new LaneReply(carrier);
    const target = lane.targets[head.targetIndex] ?? "";
    lane.onRequest(new HotRequest(target, headSource, head.values, body, clientAddress), reply);
  }

  function finish(): void {
    reply = undefined;
    forget();
    if (socket.writableNeedDrain) {
      phase = "flushing";
      // The socket's own timer knows whether the client takes anything at all, however slowly.
      socket.setTimeout(lane.keepAliveTimeoutMs, destroy);
    } else {
      waitForNext();
    }
  }

  function waitForNext(): void {
    connection.dueMs = lane.dueIn(lane.keepAliveTimeoutMs);
    if (lane.isClosing()) {
      phase = "over";
      socket.destroySoon();
      return;
    }
    phase = "waiting";
    pieces = held.length > 0 ? 1 : 0;
    takeRequests();
  }

  function onDrain(): void {
    if (phase === "flushing") {
      socket.setTimeout(0, destroy);
      waitForNext();
    } else {
      reply?.onDrain?.();
    }
  }

  /** The client sends no more. For node:http it has then left, whatever is under way; so it has for the lane. */
  function onEnd(): void {
    const isCutOff = phase === "reading" || (phase === "waiting" && held.length > 0);
    abandon();
    if (isCutOff) socket.end(badRequest);
    else socket.end();
    connection.dueMs = lane.dueIn(lane.keepAliveTimeoutMs);
  }

  function onClose(): void {
    abandon();
    lane.onGone(connection);
  }

  function abandon(): void {
    phase = "over";
    held = noBytes;
    giveRoom();
    forget();
    const left = reply;
    reply = undefined;
    left?.leave();
  }

  function expire(): void {
    if (phase !== "over" && (head !== undefined || held.length > 0)) handOver("slow");
    else destroy();
  }

  function endIfIdle(): void {
    if (phase === "waiting" && held.length === 0) destroy();
  }

  /** The ordinary server gets every byte that no answer was given to, in order, and the socket for good. */
  function handOver(reason: HandOverReason): void {
    const unread = head ? listRequestBytes(head) : [];
    if (held.length > 0) unread.push(held);
    phase = "over";
    giveRoom();
    forget();
    socket.off("data", onData).off("end", onEnd).off("drain", onDrain).off("error", ignoreError).off("close", onClose);
    lane.onGone(connection);
    lane.handOver(socket, reason, unread);
  }

  function listRequestBytes({ endOffset, bodyBytes }: HotHead): Buffer[] {
    if (headSource.length >= endOffset + bodyBytes) return [headSource.subarray(0, endOffset + bodyBytes)];
    return [headSource.subarray(0, endOffset), gathered.subarray(0, gatheredBytes)];
  }

  /** Lets the request's bytes go: a stream that lasts for minutes need not keep what began it. */
  function forget(): void {
    head = undefined;
    headSource = noBytes;
    gathered = noBytes;
  }

  function takeRoom(totalBytes: number): boolean {
    if (totalBytes > roomBytes) {
      if (!lane.takeRoom(totalBytes - roomBytes)) return false;
      roomBytes = totalBytes;
    }
    return true;
  }

  function giveRoom(): void {
    if (roomBytes > 0) lane.giveRoom(roomBytes);
    roomBytes = 0;
  }
}

/** Whatever went wrong, the socket closes next, and that is listened to. */
function ignoreError(): void {}
