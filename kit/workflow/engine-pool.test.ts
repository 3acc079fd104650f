import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { createEnginePool } from "./engine-pool.ts";

const log = pino({ level: "silent" });

/** A message of PostgreSQL's protocol (its documentation, 55.7). */
function message(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

const authenticated = message("R", Buffer.alloc(4));
const readyForQuery = message("Z", Buffer.from("I"));
const terminated = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"));

test("a server that dies as a session becomes ready fails who wanted it, and ends no process", async (t) => {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([authenticated, readyForQuery, terminated])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `postgresql://lyss@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`;
  const pool = await createEnginePool({ urls: [url], maxSessions: 2, log });
  t.after(() => pool.end());

  for (let n = 0; n < 20; n++) {
    await assert.rejects(pool.query("select 1"));
    const client = await pool.connect();
    await assert.rejects(client.query("begin"));
    client.release(true);
  }
});
