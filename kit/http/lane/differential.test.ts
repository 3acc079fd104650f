import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { withSeed } from "../../testing/chaos/chaos-seed.ts";
import { createSeeded } from "../../testing/seeded-random.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { ambiguousRequests } from "./ambiguous-requests.ts";
import { createLaneServer, createOrdinaryServer, loopback, openRawClient, type RawAnswer } from "./lane-test-server.ts";
import { drawHotRequest, mutateRequest } from "./mutate-request.ts";

const ordinary = createOrdinaryServer();
const lane = createLaneServer();
const [ordinaryPort, lanePort] = await Promise.all([ordinary.listen(loopback), lane.listen(loopback)]);
after(() => Promise.all([ordinary.close(AbortSignal.abort()), lane.close(AbortSignal.abort())]));

const last = "GET /last HTTP/1.1\r\nHost: lyss\r\nConnection: close\r\n\r\n";
const hotRequest = "POST /v1/embeddings HTTP/1.1\r\nHost: lyss\r\nContent-Length: 3\r\n\r\nhot";

/** What matters of the answers: how many, their statuses, which of them end the connection, and what the server read. */
function summarize(answers: readonly RawAnswer[]): unknown {
  return answers.map(({ status, headers, body }) => [status, headers["connection"] ?? "", body]);
}

async function send(port: number, before: string, bytes: string): Promise<unknown> {
  const client = openRawClient(port);
  if (before !== "") {
    await client.send(before);
    assert.equal((await client.answer())?.status, 200);
  }
  await client.send(bytes);
  return summarize(await client.allAnswers());
}

for (const [when, before] of [
  ["on a new connection", ""],
  ["after a hot request", hotRequest],
] as const) {
  test(`S4, S5: ${ambiguousRequests.length} ambiguous requests get the same answers and the same end with the lane and without, ${when}`, async () => {
    const { requests } = lane.stats();
    for (const { name, bytes } of ambiguousRequests) {
      const [with_, without] = await Promise.all([
        send(lanePort, before, bytes + last),
        send(ordinaryPort, before, bytes + last),
      ]);
      assert.deepEqual(with_, without, name);
    }
    const hot = before === "" ? 0 : ambiguousRequests.length;
    assert.equal(lane.stats().requests - requests, hot, "none of them was served by the lane");
  });
}

test("the lane knows why it gave each of them away", () => {
  const reasons = Object.keys(lane.stats().handedOver).sort();
  assert.deepEqual(reasons, [
    ...["connection", "held_back", "host", "length", "syntax", "target", "too_large", "too_many_headers", "twice"],
  ]);
});

const isFull = process.env["SCENARIO_FULL"] === "1";
const fuzzCount = isFull ? 20_000 : 300;
const splitCount = isFull ? 20 : 1;

/** The servers' ends, by the port of the client's. */
const ends = new Map<number, Socket>();
for (const { server } of [ordinary, lane]) {
  server.on("connection", (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    ends.set(port, socket);
    socket.once("close", () => ends.delete(port));
  });
}

/**
 * Sends the pieces, each once the one before has been read, then ends the client's half as soon as nothing more comes of
 * what was sent: a request that never gets whole would be waited for otherwise.
 */
async function sendPieces(port: number, pieces: readonly string[]): Promise<readonly RawAnswer[]> {
  const client = openRawClient(port);
  let isOver = false;
  client.socket.once("end", () => {
    isOver = true;
  });
  client.socket.once("close", () => {
    isOver = true;
  });
  let sent = 0;
  for (const piece of pieces) {
    await client.send(piece);
    sent += piece.length;
    const isRead = () => (ends.get(client.socket.localPort ?? 0)?.bytesRead ?? 0) >= sent;
    await waitUntil(async () => isOver || isRead());
  }
  for (let turns = 0; turns < 20 && !isOver; turns++) await new Promise(setImmediate);
  if (!isOver) client.socket.end();
  return client.allAnswers();
}

const isBareRefusal = (answer: RawAnswer | undefined) => answer?.status === 400 && answer.body === "";

/**
 * Whether both ways served the same requests alike and ended alike. Where garbage follows a request in one packet, node:http
 * itself answers the garbage or only closes, as its turns fall; and it answers nothing else any more, while the lane has
 * answered the hot request that came first.
 */
function isAlike(withLane: readonly RawAnswer[], without: readonly RawAnswer[]): boolean {
  if (without.length === 1 && isBareRefusal(without[0])) {
    return isBareRefusal(withLane.at(-1)) && withLane.slice(0, -1).every(({ status }) => status === 200);
  }
  return isDeepStrictEqual(summarize(dropLastRefusal(withLane)), summarize(dropLastRefusal(without)));
}

function dropLastRefusal(answers: readonly RawAnswer[]): readonly RawAnswer[] {
  return answers.length > 1 && isBareRefusal(answers.at(-1)) ? answers.slice(0, -1) : answers;
}

test(`S5: ${splitCount} splits of each ambiguous request change nothing`, () =>
  withSeed(isFull ? Date.now() : 1, async (seed) => {
    const random = createSeeded(seed);
    for (const { name, bytes } of ambiguousRequests) {
      for (let i = 0; i < splitCount; i++) {
        const at = random.between(1, bytes.length - 1);
        const pieces = [bytes.slice(0, at), bytes.slice(at) + last];
        const [withLane, without] = await Promise.all([sendPieces(lanePort, pieces), sendPieces(ordinaryPort, pieces)]);
        assert.deepEqual(summarize(withLane), summarize(without), `${name}, split at ${at}`);
      }
    }
  }));

test(`S5: ${fuzzCount} mutated requests get the same answers and the same end with the lane and without`, () =>
  withSeed(isFull ? Date.now() : 1, async (seed) => {
    const random = createSeeded(seed);
    for (let i = 0; i < fuzzCount; i++) {
      const pieces = [mutateRequest(drawHotRequest(random), random) + last];
      const [withLane, without] = await Promise.all([sendPieces(lanePort, pieces), sendPieces(ordinaryPort, pieces)]);
      if (!isAlike(withLane, without)) {
        assert.deepEqual(summarize(withLane), summarize(without), JSON.stringify(pieces[0]));
      }
    }
  }));
