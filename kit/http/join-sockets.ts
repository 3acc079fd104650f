import { type Duplex, Transform } from "node:stream";
import type { Clock } from "../service/clock.ts";
import { createFrameFollower, toLastFrames } from "./web-socket-frames.ts";

/** What a client hears in place of all that would still come. */
export interface LastWords {
  /** Empty for none. */
  readonly text: string;
  /** Why the connection is closed (RFC 6455, 7.4). */
  readonly code: number;
}

/** Two connections on which one WebSocket runs. */
export interface JoinedSockets {
  /** Resolves when both are gone. */
  readonly ended: Promise<unknown>;
  /**
   * Ends the connection to the peer, as if the client had left, and tells the client why: once, between two messages, and not where
   * the peer has closed already. What the client says from now on is not heard.
   */
  end(words: LastWords): void;
  /** True where the peer has had the last word, and that is `quietMs` ago: nobody waits for anything. */
  isQuietFor(quietMs: number): boolean;
}

/** Makes one connection of a client's and a peer's. Each that ends or breaks takes the other with it. */
export function joinSockets(client: Duplex, peer: Duplex, clock: Pick<Clock, "monotonicMs">): JoinedSockets {
  const frames = createFrameFollower();
  const asked = createFrameFollower();
  let [isAwaited, saidMs] = [false, clock.monotonicMs()];
  let words: LastWords | undefined;
  let isTold = false;
  const towardsClient = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const before = frames.frames;
      if (!isTold) this.push(chunk.subarray(0, frames.follow(chunk, words !== undefined)));
      if (frames.frames > before || !frames.isBetween) [isAwaited, saidMs] = [false, clock.monotonicMs()];
      tellIfDue();
      done();
    },
  });

  function tellIfDue(): void {
    if (!words || isTold || !frames.isBetween) return;
    isTold = true;
    towardsClient.push(toLastFrames(words));
    towardsClient.push(null);
    peer.destroy();
  }

  peer.pipe(towardsClient).pipe(client);
  client.pipe(peer);
  client.on("data", (chunk: Buffer) => {
    const before = asked.frames;
    asked.follow(chunk, false);
    if (asked.frames > before) isAwaited = true;
  });
  const ended = Promise.all([closeOf(client), closeOf(peer)]);
  client.once("error", () => peer.destroy()).once("close", () => peer.destroy());
  peer.once("error", () => client.destroy());
  peer.once("close", () => {
    // What is told is still on its way.
    if (!isTold) client.destroy();
  });
  return {
    ended,
    end(last) {
      if (words || frames.isClosed) return;
      words = last;
      client.unpipe(peer);
      client.resume();
      tellIfDue();
    },
    isQuietFor: (quietMs) => !isAwaited && asked.isBetween && clock.monotonicMs() - saidMs >= quietMs,
  };
}

function closeOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", resolve);
  });
}
