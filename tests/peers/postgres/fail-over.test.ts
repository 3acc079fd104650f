import assert from "node:assert/strict";
import { test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { createPool } from "@lyss/kit/db/pool.ts";
import { splitHosts } from "@lyss/kit/db/split-hosts.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { createEnginePool } from "@lyss/kit/workflow/engine-pool.ts";
import { pino } from "pino";
import { listUsage, waitForNoHold, waitForUsage } from "../../read-money.ts";
import { requestJson, runPlatform } from "../../run-platform.ts";
import { startPostgresPair } from "./postgres-pair.ts";

/** The ports at which new sessions of ours are opened: three of a service, three of the workflow engine. */
async function openedAt(url: string): Promise<number[]> {
  const pool = createPool({ url, applicationName: "late", maxConnections: 3, clock: systemClock, log });
  const engine = await createEnginePool({ urls: splitHosts(url), maxSessions: 3, log });
  const question = "select inet_server_port() as port, pg_sleep(0.2)";
  const ofService = Array.from({ length: 3 }, () => pool.sql.unsafe<{ port: number }[]>(question));
  const ofEngine = Array.from({ length: 3 }, () => engine.query<{ port: number }>(question));
  const rows = [...(await Promise.all(ofService)).flat(), ...(await Promise.all(ofEngine)).flatMap(({ rows }) => rows)];
  await Promise.all([pool.close(), engine.end()]);
  return rows.map(({ port }) => port);
}

const limits = { timeout: 150_000 };
const log = pino({ level: "silent" });
const billing = { holdTtlMs: 20_000, reserveWaitMs: 1_000 };

test(
  "D7: when the primary dies under load the standby has every acknowledged call, and the old one takes no writes",
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const pair = await startPostgresPair(scope);
    const mailServer = await startMailServer(scope);
    const platform = await runPlatform(scope, {
      config: {
        ...{ database: { url: pair.url }, billing, log: { level: "warn" } },
        ...{ user: { registration: "open" }, mail: { url: mailServer.url } },
      },
    });
    // A registration is a workflow, whose engine has sessions of its own.
    const register = async (email: string) => {
      const body = { email, password: "correct horse battery", name: "Ann", organization: email };
      await requestJson(`${platform.url}/api/v1/users/register`, "", { body });
      const find = () =>
        mailServer.received.find(({ to }) => to.includes(email))?.text.match(/#register=([\w-]{43})/)?.[1];
      await waitUntil(async () => find() !== undefined);
      const confirmed = await requestJson(`${platform.url}/api/v1/users/register/confirm`, "", {
        body: { token: find() },
      });
      assert.equal(confirmed.status, 201, JSON.stringify(confirmed.body));
    };
    await register("before@example.com");
    const paid = new Set<string>();
    const statuses: number[] = [];
    const ending = new AbortController();
    const body = {
      model: "simulated-chat",
      max_tokens: 20,
      messages: [{ role: "user", content: "simulate.tokens=3" }],
    };
    const worker = async () => {
      while (!ending.signal.aborted) {
        const { status, headers } = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body });
        statuses.push(status);
        if (status === 200) paid.add(headers.get("lyss-call-id") ?? "");
        // A caller who is refused does as it is told.
        else await delay(systemClock, 100);
      }
    };
    const workers = Array.from({ length: 32 }, worker);
    while (paid.size < 300) await delay(systemClock, 20);

    await pair.killPrimary();
    while (!statuses.includes(503)) await delay(systemClock, 20);
    const paidBefore = paid.size;
    await pair.promote();
    const promotedMs = performance.now();
    while (paid.size < paidBefore + 300) await delay(systemClock, 20);
    t.diagnostic(`300 calls within ${Math.round(performance.now() - promotedMs)} ms of the promotion`);
    ending.abort();
    await Promise.all(workers);
    assert.deepEqual([...new Set(statuses)].sort(), [200, 503]);

    await waitForNoHold(platform);
    const recorded = new Set(
      (await listUsage(platform)).filter(({ status }) => status === "completed").map(({ id }) => id),
    );
    const lost = [...paid].filter((id) => !recorded.has(id));
    assert.deepEqual(lost, [], "acknowledged and lost");

    // The old primary comes back as it fell. Nobody confirms its commits, so none of them is ever acknowledged.
    await pair.startOldPrimary();
    const old = postgres(pair.primary.url, { max: 1, onnotice: () => {} });
    scope.after(() => old.end({ timeout: 1 }));
    // It says that it takes writes: whoever opens a session by now must not believe it.
    assert.deepEqual(
      await openedAt(pair.url),
      Array.from({ length: 6 }, () => pair.standby.port),
    );
    const before = await old`select count(*)::int as count from billing.usage`;
    const write = await Promise.race([
      old`update billing.wallet set balance_nanos = balance_nanos + 1`.then(() => "acknowledged"),
      delay(systemClock, 2_000).then(() => "waits"),
    ]);
    assert.equal(write, "waits", "split brain: the old primary has taken a write");
    const usageOnNew = (await listUsage(platform)).length;
    for (let n = 0; n < 20; n++) {
      const { status } = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body });
      assert.equal(status, 200);
    }
    await waitForUsage(platform, usageOnNew + 20);
    await register("after@example.com");
    assert.ok((before[0]?.["count"] ?? 0) <= usageOnNew);
  },
);
