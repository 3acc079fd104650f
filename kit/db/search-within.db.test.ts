import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import { silentLog } from "../testing/test-cluster.ts";
import { createPool } from "./pool.ts";
import { searchWithin } from "./search-within.ts";

test("a search that takes too long is given up in the database, and the connection is as it was", async (t) => {
  const { adminUrl: url } = await createTestDatabase(t);
  const pool = createPool({ url, clock: systemClock, log: silentLog, applicationName: "search", maxConnections: 1 });
  t.after(() => pool.close());
  const limitOf = async () =>
    (await pool.sql<{ limit: string }[]>`select current_setting('statement_timeout') as limit`)[0]?.limit;
  const before = await limitOf();
  const found = await searchWithin(pool, 1_000, (tx) => tx<{ found: number }[]>`select 7 as found`);
  assert.equal(found[0]?.found, 7);
  await assert.rejects(
    searchWithin(pool, 50, (tx) => tx`select pg_sleep(600)`),
    (err) => isFailure(err, kitFailures.search_too_broad) && err.details["limitMs"] === 50,
  );
  await assert.rejects(
    searchWithin(pool, 1_000, (tx) => tx`select 1 / 0`),
    /division by zero/,
  );
  assert.equal(await limitOf(), before);
});
