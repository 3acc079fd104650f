import type { Sql } from "postgres";
import { type Clock, delay } from "../service/clock.ts";
import { postgres } from "./driver.ts";

/** Key of the advisory lock that users of one embedded server share and its last user takes alone ("lyss" in ASCII). */
const usersLock = 0x6c_79_73_73;
const closingSessionsLimitMs = 1_000;

/** A process's claim on a running embedded server. While one is held, no other process stops the server. */
export interface ServerClaim {
  /**
   * Gives the claim up. When no other process holds one and no other session is open, runs `stopServer` while new
   * claims are refused; otherwise the server stays.
   */
  release(stopServer: () => Promise<void>): Promise<{ readonly isStopped: boolean }>;
}

/**
 * Claims the server at `url`. Undefined when it does not answer a real query within 5 s, or is about to be stopped by
 * its last user: then try again until it is gone.
 */
export async function claimServer(url: string, clock: Clock): Promise<ServerClaim | undefined> {
  const sql = postgres(url, {
    max: 1,
    max_lifetime: null,
    idle_timeout: undefined,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "lyss:claim", statement_timeout: 5_000 },
  });
  try {
    const [row] = await sql`select pg_try_advisory_lock_shared(${usersLock}) as is_claimed`;
    if (row?.is_claimed) return { release: (stopServer) => releaseClaim(sql, stopServer, clock) };
  } catch {
    // Not our server, not ready, or going down: the caller looks again.
  }
  await sql.end({ timeout: 0 });
  return undefined;
}

async function releaseClaim(sql: Sql, stopServer: () => Promise<void>, clock: Clock) {
  try {
    await sql`select pg_advisory_unlock_shared(${usersLock})`;
    const [row] = await sql`select pg_try_advisory_lock(${usersLock}) as is_alone`;
    const isStopped = row?.is_alone === true && (await areSessionsClosed(sql, clock));
    if (isStopped) await stopServer();
    return { isStopped };
  } catch {
    // The session is gone, and so is the server or our right to decide about it.
    return { isStopped: false };
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/** False when another session is open. Waits a little for our own, which the server may not have seen closing yet. */
async function areSessionsClosed(sql: Sql, clock: Clock): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + closingSessionsLimitMs;
  for (;;) {
    const [row] = await sql`
      select count(*)::int as other_count from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`;
    if (row?.other_count === 0) return true;
    if (clock.monotonicMs() >= deadlineMs) return false;
    await delay(clock, 20);
  }
}
