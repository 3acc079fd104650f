import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { startMailServer } from "../testing/mail-server.ts";
import { openTestCluster } from "../testing/postgres.ts";
import { deriveTestKey } from "../testing/test-cluster.ts";
import { html, type Mail } from "./mail.ts";
import { mailConfig } from "./mail-config.ts";
import { openMail } from "./open-mail.ts";

const cluster = await openTestCluster({ after }, [
  { name: "club", migrations: new URL("./testdata/club/", import.meta.url) },
]);
const db = cluster.open("club");
const clock = createFakeClock();
const random = createRandom(clock);
const never = new AbortController().signal;
beforeEach(() => db.transaction(async (tx) => void (await tx`delete from mail_outbox`)));

const mail: Mail = {
  to: "ann@example.com",
  subject: "欢迎\r\nBcc: eve@example.com",
  text: "Come in: https://example.com/?token=s3cret 你好",
  html: "<p>Come in</p>",
};

function open(config: Readonly<Record<string, unknown>>, key = deriveTestKey("club.mail")) {
  const logged: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
  const parts = { db, clock, random, key, log, metrics: new Registry() };
  const outbox = openMail(mailConfig.mail.parse(config), parts);
  after(() => outbox.close());
  const send = (one: Mail = mail) => db.transaction((tx) => outbox.append(tx, one));
  return { ...outbox, logged, send, run: () => outbox.job.run(never), metrics: parts.metrics };
}

const countWaiting = async () =>
  (await db.sql<{ rows: number }[]>`select count(*)::int as rows from mail_outbox`)[0]?.rows;

test("a mail goes out when its transaction commits, once, to one address, and never when it does not", async (t) => {
  const server = await startMailServer(t);
  const outbox = open({ url: server.url, from: "Club <club@example.com>" });
  await assert.rejects(
    db.transaction(async (tx) => {
      await outbox.append(tx, mail);
      throw new Error("no");
    }),
    /no/,
  );
  await outbox.run();
  assert.equal(server.received.length, 0);
  const mailId = await outbox.send();
  await Promise.all([outbox.run(), outbox.run()]);
  await outbox.run();
  assert.equal(server.received.length, 1);
  const [received] = server.received;
  assert.deepEqual(received?.to, ["ann@example.com"]);
  assert.equal(received?.subject, "欢迎 Bcc: eve@example.com");
  assert.match(received?.text ?? "", /token=s3cret 你好/);
  assert.match(received?.raw ?? "", new RegExp(`Message-ID: <${mailId}@example.com>`, "i"));
  assert.match(received?.raw ?? "", /^From: Club <club@example.com>\r$/m);
  assert.equal(await countWaiting(), 0);
  assert.equal(outbox.logged.join("").includes("s3cret"), false);
});

test("an address that would be several, or a header, reaches nobody else", async (t) => {
  const server = await startMailServer(t);
  const outbox = open({ url: server.url });
  for (const to of ["ann@example.com, eve@example.com", "ann@example.com\r\nRCPT TO:<eve@example.com>"]) {
    await outbox.send({ ...mail, to });
  }
  await outbox.run();
  const reached = server.received.flatMap(({ to }) => to);
  assert.equal(reached.includes("eve@example.com"), false, reached.join(" "));
});

test("what waits is sealed: the table does not tell whom it is for and what it says", async () => {
  const outbox = open({ url: "smtp://127.0.0.1:1" });
  await outbox.send();
  const [row] = await db.sql<{ sealed: Buffer }[]>`select sealed from mail_outbox`;
  assert.equal(/s3cret|ann@/.test(row?.sealed.toString("latin1") ?? ""), false);
  const other = open({ url: "smtp://127.0.0.1:1" }, deriveTestKey("another"));
  await other.run();
  assert.match(other.logged.join(""), /does not open/);
  assert.equal(await countWaiting(), 0);
});

test("what waits for an address is discarded with a transaction, and nothing else", async (t) => {
  const server = await startMailServer(t);
  const outbox = open({ url: server.url });
  await outbox.send();
  await outbox.send({ ...mail, to: "bob@example.com" });
  const discard = (isKept: boolean) =>
    db.transaction(async (tx) => {
      await outbox.discardTo(tx, mail.to);
      if (isKept) throw new Error("no");
    });
  await assert.rejects(discard(true), /no/);
  assert.equal(await countWaiting(), 2);
  await discard(false);
  await outbox.run();
  assert.deepEqual(
    server.received.map(({ to }) => to),
    [["bob@example.com"]],
  );
});

test("while the server is away a mail waits, longer each time, and is sent once it is back", async (t) => {
  const down = open({ url: "smtp://127.0.0.1:1" });
  await down.send();
  await down.run();
  await down.run();
  assert.equal(down.logged.length, 1, "not tried again before its time");
  clock.advance(5_000);
  await down.run();
  clock.advance(9_999);
  await down.run();
  assert.equal(down.logged.length, 2);
  clock.advance(1);
  const server = await startMailServer(t);
  await open({ url: server.url }).run();
  assert.equal(server.received.length, 1);
});

test("a node that dies while it sends loses nothing: another one sends it after two minutes", async (t) => {
  const server = await startMailServer(t);
  const outbox = open({ url: server.url });
  await outbox.send();
  // As a node that was killed leaves it.
  await db.transaction(
    (tx) => tx`update mail_outbox set tries = 1, next_try_at = ${new Date(clock.nowMs() + 120_000)}`,
  );
  await outbox.run();
  assert.equal(server.received.length, 0);
  clock.advance(120_000);
  await outbox.run();
  assert.equal(server.received.length, 1);
});

test("a mail that is refused for good, or that nobody took for long, is given up, without its words in the log", async (t) => {
  const server = await startMailServer(t, {
    onRcptTo({ address }, _session, done) {
      const responseCode = address.startsWith("gone") ? 550 : 450;
      done(address.startsWith("ann") ? null : Object.assign(new Error(`no ${address}`), { responseCode }));
    },
  });
  const outbox = open({ url: server.url, giveUpAfterMs: 60_000 });
  await outbox.send({ ...mail, to: "gone@example.com" });
  await outbox.send({ ...mail, to: "busy@example.com" });
  await outbox.run();
  assert.equal(await countWaiting(), 1);
  clock.advance(60_000);
  await outbox.run();
  assert.equal(await countWaiting(), 0);
  const { values } = (await outbox.metrics.getSingleMetric("lyss_mails_total")?.get()) ?? { values: [] };
  const counts = Object.fromEntries(values.map(({ labels, value }) => [labels["outcome"], value]));
  assert.deepEqual(counts, { refused: 1, postponed: 1, given_up: 1 });
  assert.equal(/s3cret|example\.com/.test(outbox.logged.join("")), false);
});

test("another machine is not told anything in the clear, nor one whose certificate nobody vouches for", async (t) => {
  const plain = await startMailServer(t);
  const selfSigned = await startMailServer(t, { disabledCommands: [], secure: false });
  const named = (port: number) => `smtp://user:pass@localhost.localdomain:${port}`;
  // The name of this machine that is not taken for loopback.
  for (const { port } of [plain, selfSigned]) {
    const outbox = open({ url: named(port).replace("localhost.localdomain", "[::ffff:127.0.0.1]"), timeoutMs: 2_000 });
    await outbox.send();
    await outbox.run();
    assert.match(outbox.logged.join(""), /"message":"(ETLS|ESOCKET)/);
    assert.equal(await countWaiting(), 1);
    await db.transaction((tx) => tx`delete from mail_outbox`);
  }
  assert.equal(plain.received.length + selfSigned.received.length, 0);
});

test("without a server the mail stands in the log, for whoever tries the program out", async () => {
  const outbox = open({});
  await outbox.send();
  await outbox.run();
  assert.match(outbox.logged.join(""), /token=s3cret/);
  assert.equal(await countWaiting(), 0);
});

test("an address of a mail server is checked, and never shown", () => {
  const { url } = mailConfig.mail.parse({ url: "smtps://user:pass@mail.example.com" });
  assert.ok(url instanceof Secret);
  assert.equal(JSON.stringify({ url }).includes("pass"), false);
  for (const wrong of ["mail.example.com", "http://mail.example.com", ""]) {
    assert.equal(mailConfig.mail.safeParse({ url: wrong }).success, false, wrong);
  }
});

test("what is put into markup cannot be markup", () => {
  assert.equal(html`<b title="${'"x'}">${"<script>&'"}</b>`, '<b title="&quot;x">&lt;script&gt;&amp;&#39;</b>');
});
