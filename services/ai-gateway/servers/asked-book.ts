import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import type { Server } from "./server.ts";

/** What servers say of themselves, as this node knows it. */
export interface AskedBook<Known extends Server, Said> {
  /** Not older than a minute, or an older one where the server cannot be asked. Throws what it answered wrong if nothing is known of it. */
  of(server: Known): Promise<Said>;
  /** Asks the server now. */
  ask(server: Known): Promise<Said>;
}

export interface AskedBookOptions<Known extends Server, Said> {
  ask(server: Known): Promise<Said>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the log says of a server that could not be asked. */
  readonly failedText: string;
}

interface Entry<Said> {
  said: Said | undefined;
  askedMs: number;
  err: unknown;
  flight: Promise<Said> | undefined;
}

const freshMs = 60_000;
/** One that does not answer is left alone for so long. */
const failedMs = 10_000;

export function createAskedBook<Known extends Server, Said>({
  ask,
  clock,
  log,
  failedText,
}: AskedBookOptions<Known, Said>): AskedBook<Known, Said> {
  /** By the server as it is now: one that changes is another object. */
  const entries = new WeakMap<Known, Entry<Said>>();

  function refresh(server: Known, entry: Entry<Said>): Promise<Said> {
    // For all who may use the server, whoever comes first: nobody's own act.
    entry.flight ??= runInContext(undefined, () => ask(server))
      .then(
        (said) => {
          entry.said = said;
          entry.err = undefined;
          return said;
        },
        (err: unknown) => {
          entry.err = err;
          log.warn({ err, server: server.name }, failedText);
          throw err;
        },
      )
      .finally(() => {
        entry.askedMs = clock.monotonicMs();
        entry.flight = undefined;
      });
    return entry.flight;
  }

  function entryOf(server: Known): Entry<Said> {
    let entry = entries.get(server);
    if (!entry) {
      entry = { said: undefined, askedMs: Number.NEGATIVE_INFINITY, err: undefined, flight: undefined };
      entries.set(server, entry);
    }
    return entry;
  }

  return {
    ask: (server) => refresh(server, entryOf(server)),
    async of(server) {
      const entry = entryOf(server);
      const ageMs = clock.monotonicMs() - entry.askedMs;
      if (ageMs < (entry.err === undefined ? freshMs : failedMs)) {
        if (entry.said) return entry.said;
        if (entry.err !== undefined) throw entry.err;
      }
      const asked = refresh(server, entry);
      if (!entry.said) return asked;
      // Nobody waits for news of a server that is known.
      asked.catch(() => undefined);
      return entry.said;
    },
  };
}
