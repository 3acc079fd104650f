import { Socket } from "node:net";
import { withTimeLimit } from "../cache/time-limit.ts";
import { type Clock, delay } from "../service/clock.ts";
import { postgres } from "./driver.ts";

/** Finds, among the hosts of one database, the one that takes writes now. */
export interface PrimaryFinder {
  /** Its URL, as it was given. Rejects with why the last host does not take writes when none does. */
  find(): Promise<string>;
}

/** Of looking at one host. */
const probeTimeoutMs = 3_000;
/** How long others are waited for when one says that it takes writes. */
const othersMs = 500;
/** So that sessions that are opened together look once; and those that all try again while there is none. */
const freshMs = 1_000;
const failedFreshMs = 250;

interface Primary {
  readonly url: string;
  readonly timeline: number;
}

/**
 * A promotion begins a new timeline (PostgreSQL's documentation, 26.3.5 and 27.2). A primary that comes back after another was promoted
 * says that it takes writes, too: but it is on the timeline of the past, and what it takes is lost. So all hosts are asked, and the newest
 * counts. With one URL there is nothing to find. Many may ask at once; an answer of the last second is used again.
 */
export function createPrimaryFinder(urls: readonly string[], clock: Clock): PrimaryFinder {
  const [only = ""] = urls;
  let finding: Promise<string> | undefined;
  let freshUntilMs = 0;
  const keepFor = (durationMs: number) => {
    freshUntilMs = clock.monotonicMs() + durationMs;
  };

  return {
    find() {
      if (urls.length <= 1) return Promise.resolve(only);
      if (finding && clock.monotonicMs() < freshUntilMs) return finding;
      finding = findNewest(urls, clock);
      freshUntilMs = Number.POSITIVE_INFINITY;
      finding.then(
        () => keepFor(freshMs),
        () => keepFor(failedFreshMs),
      );
      return finding;
    },
  };
}

/**
 * A way to the primary for the driver, which takes it in place of its own. What cannot be reached shows as an error of the socket: that
 * the driver tries again.
 */
export async function openPrimarySocket(finder: PrimaryFinder): Promise<Socket> {
  const socket = new Socket();
  try {
    const { hostname, port } = new URL(await finder.find());
    const host = hostname.replace(/^\[|\]$/g, "");
    // By which the driver checks the certificate.
    Object.assign(socket, { host });
    socket.connect(Number(port || 5432), host);
  } catch (err) {
    setImmediate(() => socket.destroy(err as Error));
  }
  return socket;
}

async function findNewest(urls: readonly string[], clock: Clock): Promise<string> {
  const found: Primary[] = [];
  let failure: unknown;
  const isFound = Promise.withResolvers<void>();
  const looks = urls.map(async (url) => {
    try {
      const timeline = await readTimeline(url, clock);
      if (timeline === undefined) failure = unreachable(url, "takes no writes");
      else isFound.resolve(void found.push({ url, timeline }));
    } catch (err) {
      failure = err;
    }
  });
  const all = Promise.all(looks);
  const told = new AbortController();
  await Promise.race([all, isFound.promise]);
  await Promise.race([all, delay(clock, othersMs, told.signal).catch(() => undefined)]);
  told.abort();
  const [newest] = found.sort((one, other) => other.timeline - one.timeline);
  if (newest) return newest.url;
  throw failure;
}

/** With the code by which an outage is known (`kit/errors/outage.ts`). */
function unreachable(url: string, what: string): Error {
  return Object.assign(new Error(`${new URL(url).host} ${what}`), { code: "EHOSTUNREACH" });
}

/** Undefined for a standby. */
async function readTimeline(url: string, clock: Clock): Promise<number | undefined> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: probeTimeoutMs / 1_000,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    const asking = sql<{ timeline: string | null }[]>`
      select case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline`;
    const [row] = await withTimeLimit(clock, probeTimeoutMs, asking, () => {
      throw unreachable(url, "does not answer");
    });
    return row?.timeline ? Number.parseInt(row.timeline, 16) : undefined;
  } finally {
    // Also of one that hangs: nobody waits for its goodbye.
    void sql.end({ timeout: 0 });
  }
}
