import assert from "node:assert/strict";
import { test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { startServiceOn } from "@lyss/kit/testing/service-on.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { startPostgresPair } from "./postgres-pair.ts";

const limits = { timeout: 300_000 };
const refreshes = 1_000;
const atOnce = 50;
/** Longer than the grace of a token whose answer has left: whoever asks again comes too late for that. */
const awayMs = 7_000;

test(
  `I4: when the primary dies in the middle of ${refreshes} refreshes nobody is signed out, and a repeat at the promoted standby succeeds`,
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const pair = await startPostgresPair(scope);
    const service = await startServiceOn(pair.url, scope, auth, { clients: {} });
    const nodes = [service, await service.startNode()];
    let turn = 0;
    const nextOps = () => (nodes[turn++ % nodes.length] ?? service).ops;
    const refresh = (token: string) => nextOps().refreshSession({ refreshToken: new Secret(token), clientAddress: "" });
    let lost = 0;
    /** Asks until there is an answer, as a client does that is told to try again. Refused would be for good. */
    async function until<Result>(work: () => Promise<Result>): Promise<Result> {
      for (;;) {
        try {
          return await work();
        } catch (err) {
          assert.ok(!isFailure(err, authFailures.refresh_token_refused), "refused");
          lost++;
          await delay(systemClock, 100);
        }
      }
    }
    async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
      const left = [...items];
      const worker = async () => {
        for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    }

    const first: { readonly sessionId: string; readonly refreshToken: string }[] = [];
    const people = Array.from({ length: refreshes }, () => service.random.id("usr"));
    await forEach(people, async (userId) => {
      const person = { userId, tenantId: "ten_a", role: "member", methods: ["pwd"] };
      first.push(await nextOps().startSession({ ...person, clientAddress: "", userAgent: "" }));
    });

    const next: typeof first = [];
    const isHalfDone = Promise.withResolvers<void>();
    const refreshing = forEach(first, async ({ sessionId, refreshToken }) => {
      const pair = await until(() => refresh(refreshToken));
      assert.equal(pair.sessionId, sessionId);
      if (next.push(pair) === refreshes / 2) isHalfDone.resolve();
    });
    await Promise.race([isHalfDone.promise, refreshing]);
    await pair.killPrimary();
    await delay(systemClock, awayMs);
    await pair.promote();
    const promotedMs = performance.now();
    await refreshing;
    t.diagnostic(`all had their answer ${Math.round(performance.now() - promotedMs)} ms after the promotion`);

    // Used, by a call that got no answer: what the grace of an answered one would have refused.
    const [unanswered] = await service.sql<{ count: number }[]>`
      select count(*)::int as count from refresh_token
      where answered_at - used_at > ${`${awayMs - 1_000} ms`}::interval or (used_at is not null and answered_at is null)`;
    await forEach(next, async ({ sessionId, refreshToken }) => {
      assert.equal((await nextOps().checkSession({ sessionId })).isActive, true);
      assert.equal((await refresh(refreshToken)).sessionId, sessionId);
    });
    const [ended] = await service.sql<{ count: number }[]>`
      select count(*)::int as count from session where ended_at is not null`;
    t.diagnostic(`${lost} calls lost, ${unanswered?.count} of them had counted; ${ended?.count} ended`);
    assert.deepEqual([next.length, ended?.count], [refreshes, 0]);
    assert.ok((unanswered?.count ?? 0) > 0, "no call that counted was lost");
    assert.ok(lost >= atOnce / 2, `only ${lost} calls were lost`);
  },
);
