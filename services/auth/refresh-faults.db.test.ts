import assert from "node:assert/strict";
import { after, test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const isFull = process.env["SCENARIO_FULL"] === "1";
const families = isFull ? 1_000 : 5;
const refreshes = isFull ? 1_000 : 60;
const limits = { timeout: isFull ? 1_800_000 : 120_000 };

const service = await startTestService({ after }, auth, { clients: {} });
const { sql, random } = service;
const nodes = [service, await service.startNode()];
let turn = 0;
/** Each call at the other node. */
const nextOps = () => (nodes[turn++ % nodes.length] ?? service).ops;

function signIn() {
  const person = { userId: random.id("usr"), tenantId: "ten_a", role: "member", methods: ["pwd"] };
  return nextOps().startSession({ ...person, clientAddress: "", userAgent: "" });
}
const refresh = (refreshToken: string) =>
  nextOps().refreshSession({ refreshToken: new Secret(refreshToken), clientAddress: "" });
const isActive = async (sessionId: string) => (await nextOps().checkSession({ sessionId })).isActive;

/** Runs `work` so often, 20 at a time. */
async function repeat(times: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

test(
  `I1: of ${families} families each refresh token, shown 100 times at once over two nodes, has one successor, and nobody is signed out`,
  limits,
  async (t) => {
    const startedMs = systemClock.monotonicMs();
    let wronglyEnded = 0;
    for (let family = 0; family < families; family++) {
      const { refreshToken, sessionId } = await signIn();
      const pairs = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
      assert.equal(new Set(pairs.map((pair) => `${pair.refreshToken} ${pair.accessToken}`)).size, 1);
      if (!(await isActive(sessionId))) wronglyEnded++;
      assert.equal((await refresh(pairs[0]?.refreshToken ?? "")).sessionId, sessionId);
      const [count] = await sql<{ tokens: number }[]>`
        select count(*)::int as tokens from refresh_token where session_id = ${sessionId}`;
      assert.equal(count?.tokens, 3);
    }
    const rate = Math.round((families * 100_000) / (systemClock.monotonicMs() - startedMs));
    t.diagnostic(`${families * 100} refreshes, ${rate}/s; ${wronglyEnded} families ended`);
    assert.equal(wronglyEnded, 0);
  },
);

test(
  `I4: with sessions of the database killed all the time under ${refreshes} refreshes none is signed out, and a repeat succeeds`,
  limits,
  async (t) => {
    const ending = new AbortController();
    let killed = 0;
    const killing = (async () => {
      while (!ending.signal.aborted) {
        // One that is at work for a node: in the middle of a transaction, or at its end.
        const rows = await sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and usename <> current_user
            and (state = 'active' or state = 'idle in transaction')
          order by random() limit 1`;
        killed += rows.length;
        // Calls take a few milliseconds: most of them get through.
        await delay(systemClock, 10);
      }
    })();
    let [lost, succeeded] = [0, 0];
    const until = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      for (;;) {
        try {
          return await work();
        } catch (err) {
          // Refused would be for good; a lost database is not.
          assert.equal(isFailure(err, authFailures.refresh_token_refused), false);
          lost++;
        }
      }
    };
    const sessions: { readonly sessionId: string; readonly refreshToken: string }[] = [];
    await repeat(refreshes, async () => {
      const first = await until(signIn);
      const next = await until(() => refresh(first.refreshToken));
      assert.equal(next.sessionId, first.sessionId);
      sessions.push(next);
      succeeded++;
    });
    ending.abort();
    await killing;
    for (const { sessionId, refreshToken } of sessions) {
      assert.equal(await isActive(sessionId), true);
      assert.equal((await refresh(refreshToken)).sessionId, sessionId);
    }
    const [ended] = await sql<{ count: number }[]>`
      select count(*)::int as count from session where ended_at is not null`;
    t.diagnostic(`${killed} killed, ${lost} calls lost, ${succeeded} refreshed, ${ended?.count} ended`);
    assert.deepEqual([succeeded, ended?.count], [refreshes, 0]);
    assert.ok(lost >= refreshes / 20, `only ${lost} calls were lost`);
  },
);
