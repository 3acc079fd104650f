import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { test } from "node:test";
import { z } from "zod";
import { defineFailures, Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { defineEvent, onBroadcast } from "../events/event.ts";
import { currentContext, noSession, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { systemClock } from "../service/clock.ts";
import { defineService } from "../service/define-service.ts";
import { eachTopology } from "./each-topology.ts";
import { EchoService, NoteAddedSchema, NoteService } from "./gen/lyss/kit/testing/v1/echo_pb.js";
import { openRpc } from "./open-rpc.ts";

const noteAdded = defineEvent("note.added", NoteAddedSchema, ({ text }) => text);
const undeclared = defineEvent("note.undeclared", NoteAddedSchema, ({ text }) => text);
const noteFailures = defineFailures("note", {
  too_short: {
    kind: "out_of_range",
    publicCode: "NOTE_001",
    isRetryable: true,
    text: { en_US: "A note has at least {min} letters.", zh_CN: "便条至少需要 {min} 个字。" },
  },
});

const note = defineService({
  name: "note",
  contract: NoteService,
  needs: {},
  publishes: [noteAdded],
  hears: [],
  config: { note: z.object({ minLength: z.number().default(2) }).prefault({}) },
  migrations: new URL("./testdata/note/", import.meta.url),
  routes: [],
  async start({ config, db, outbox }) {
    return {
      ops: {},
      rpc: openRpc(NoteService, {
        async addNote({ text }) {
          const { minLength } = config.note;
          if (text.length < minLength) throw new Failure(noteFailures.too_short, { min: minLength });
          await db.transaction(async (tx) => {
            await tx`insert into note (text) values (${text})`;
            await outbox.append(tx, text === "undeclared" ? undeclared : noteAdded, { text });
          });
          return {};
        },
        async listNotes() {
          const rows = await db.sql<{ text: string }[]>`select text from note order by id`;
          return { texts: rows.map(({ text }) => text) };
        },
      }),
    };
  },
});

const echo = defineService({
  name: "echo",
  contract: EchoService,
  needs: { note: NoteService },
  publishes: [],
  hears: [noteAdded],
  config: {},
  routes: [],
  async start({ clients }) {
    const heard = new EventEmitter<{ note: [string] }>();
    return {
      ops: {},
      subscriptions: [
        onBroadcast(
          "notes",
          noteAdded,
          ({ data }) => heard.emit("note", data.text),
          () => {},
        ),
      ],
      health: { ear: async () => {} },
      rpc: openRpc(EchoService, {
        async say({ text }) {
          await clients.note.addNote({ text });
          return { text: currentContext()?.caller?.userId ?? "" };
        },
        async *repeat(_request, { signal }) {
          const notes = on(heard, "note", { signal });
          yield { text: "listening" };
          for await (const [text] of notes) yield { text };
        },
        collect: () => Promise.reject(new Error("not asked for")),
        converse: () => {
          throw new Error("not asked for");
        },
      }),
    };
  },
});

eachTopology("a program of two services", { services: [echo, note] }, (topology) => {
  test("a call goes on to another service with its caller, and its data are there", async () => {
    const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "", ...noSession, permissions: [], models: [] };
    const context = { ...fromContextHeaders(() => undefined, systemClock), caller };
    const { text } = await runInContext(context, () => topology.client(echo).say({ text: "first" }));
    assert.equal(text, "usr_1");
    assert.deepEqual((await topology.client(note).listNotes({})).texts, ["first"]);
  });

  test("a failure from two hops away is the same failure", async () => {
    await assert.rejects(topology.client(echo).say({ text: "x" }), (err) => {
      assert.ok(isFailure(err, noteFailures.too_short));
      assert.deepEqual([err.type.isRetryable, err.details], [true, { min: 2 }]);
      return true;
    });
  });

  test("an event reaches a service wherever it runs", async () => {
    const leave = new AbortController();
    const stream = topology.client(echo).repeat({}, { signal: leave.signal })[Symbol.asyncIterator]();
    assert.equal((await stream.next()).value?.text, "listening");
    await topology.client(note).addNote({ text: "news" });
    // The first test's note may still be on its way.
    for (let heard = ""; heard !== "news"; ) heard = (await stream.next()).value?.text ?? "news";
    leave.abort();
  });

  test("publishing an undeclared event is a bug that changes nothing", async () => {
    const before = await topology.client(note).listNotes({});
    await assert.rejects(topology.client(echo).say({ text: "undeclared" }), (err) =>
      isFailure(err, kitFailures.internal),
    );
    assert.deepEqual(await topology.client(note).listNotes({}), before);
  });

  test("the health checks of every hosted service can be asked for", async () => {
    const { checks, health } = await topology.program("echo").health.check();
    assert.ok("echo.ear" in checks && "echo.subscriptions" in checks);
    assert.equal(health, "healthy");
    assert.ok("database" in (await topology.program("note").health.check()).checks);
  });
});
