import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import type { ServerCatalog } from "../servers/server-catalog.ts";
import type { McpServer } from "./mcp-server.ts";
import type { McpSessions, SessionOwner } from "./mcp-sessions.ts";
import type { OfferBook } from "./offer-book.ts";
import { createServerFeed, type FeedListener, type ServerFeed, type Wanted } from "./server-feed.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** What servers say of their own accord: one stream to each, shared by all clients of this process. */
export interface ServerNews {
  /** A place from which a client hears what it wants, until it is closed. */
  open(listenerOf: (server: McpServer) => FeedListener): NewsReader;
}

export interface NewsReader {
  /** Replaces what is wanted. A server that is in it no more is heard no more. */
  want(wanted: ReadonlyMap<McpServer, Wanted>): void;
  close(): void;
}

/** In whose name streams are kept: nobody's, so that a session of a caller's tells nothing to another. */
const newsOwner: SessionOwner = { tenantId: "", userId: "", keyId: "news" };
const maxFeeds = 500;
const askLimitMs = 10_000;
/** A server that says so all the time is asked no more often. */
const listEveryMs = 2_000;

export interface ServerNewsDeps {
  readonly catalog: ServerCatalog<McpServer>;
  readonly sessions: McpSessions;
  readonly offerBook: OfferBook;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createServerNews(deps: ServerNewsDeps): ServerNews {
  const { sessions, log } = deps;
  const feeds = new Map<McpServer, ServerFeed>();

  function feedOf(server: McpServer): ServerFeed | undefined {
    const known = feeds.get(server);
    if (known) return known;
    if (feeds.size >= maxFeeds) {
      log.warn({ server: server.name, limit: maxFeeds }, "no stream is left for what a server of tools says");
      return undefined;
    }
    const feed = createFeed(deps, server, () => feeds.delete(server));
    feeds.set(server, feed);
    return feed;
  }

  return {
    open(listenerOf) {
      const heard = new Map<McpServer, FeedListener>();
      const leave = (server: McpServer, listener: FeedListener) => {
        heard.delete(server);
        feeds.get(server)?.want(listener, undefined);
      };
      return {
        want(wanted) {
          for (const [server, listener] of heard) if (!wanted.has(server)) leave(server, listener);
          for (const [server, one] of wanted) {
            const feed = feedOf(server);
            if (!feed) continue;
            // A session that is not used for a while is closed.
            sessions.sessionOf(server, newsOwner);
            const listener = heard.get(server) ?? listenerOf(server);
            heard.set(server, listener);
            feed.want(listener, one);
          }
        },
        close() {
          for (const [server, listener] of heard) leave(server, listener);
        },
      };
    },
  };
}

function createFeed(
  { catalog, sessions, offerBook, clock, log }: ServerNewsDeps,
  server: McpServer,
  onEnded: () => void,
): ServerFeed {
  let used: UpstreamSession | undefined;
  const session = () => {
    used = sessions.sessionOf(server, newsOwner);
    return used;
  };
  /** Whether the server was asked of late, and has said since that something is new. */
  let isAsked = false;
  let isNew = false;
  const askAgain = () => {
    isAsked = true;
    isNew = false;
    // What is wrong with it stands in the log.
    offerBook.ask(server).catch(() => undefined);
    clock.setTimer(listEveryMs, () => {
      isAsked = false;
      if (isNew) askAgain();
    });
  };
  return createServerFeed({
    ...{ clock, session },
    onEnded() {
      onEnded();
      void used?.close();
    },
    request: (asked) =>
      catalog.policyOf(server).run((signal) => session().request({ ...asked, signal }), {
        ...{ signal: AbortSignal.timeout(askLimitMs), isIdempotent: true },
      }),
    onListChanged() {
      isNew = true;
      if (!isAsked) askAgain();
    },
    onFailed: (err) => log.info({ err, server: server.name }, "what a server of tools says could not be heard"),
  });
}
