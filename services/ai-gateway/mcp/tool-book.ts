import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { usdToNanos } from "../model.ts";
import type { McpCatalog } from "./mcp-catalog.ts";
import { isToolAllowed, type McpServer, payeeOf, priceOfTool, toolNameOf } from "./mcp-server.ts";
import { type McpSessions, platformOwner } from "./mcp-sessions.ts";
import { readTools, type Tool } from "./read-tools.ts";
import { toToolFailure } from "./tool-server-failure.ts";

/** What a server says that it has. */
export interface ToolList {
  readonly tools: readonly Tool[];
  /** How many were left out: for a name, a size or a form that is not taken, or beyond the most that are. */
  readonly leftOut: number;
}

/** The tools of servers as this node knows them, with their prices in billing's book. */
export interface ToolBook {
  /** Not older than a minute, or an older one where the server cannot be asked. Throws what it answered wrong if nothing is known of it. */
  listOf(server: McpServer): Promise<ToolList>;
  /** Asks the server now. */
  ask(server: McpServer): Promise<ToolList>;
}

interface Entry {
  list: ToolList | undefined;
  askedMs: number;
  err: unknown;
  flight: Promise<ToolList> | undefined;
}

const freshMs = 60_000;
/** One that does not answer is left alone for so long. */
const failedMs = 10_000;
const listLimitMs = 10_000;
const maxPages = 50;
const maxTools = 1_000;
/** Of a price for one call: billing counts by the million. */
const perMillion = 1_000_000n;

export interface ToolBookDeps {
  readonly billing: Client<typeof BillingService>;
  readonly catalog: McpCatalog;
  readonly sessions: McpSessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createToolBook({ billing, catalog, sessions, clock, log }: ToolBookDeps): ToolBook {
  /** By the server as it is now: one that changes is another object. */
  const entries = new WeakMap<McpServer, Entry>();
  /** Whose prices are in the book, and for which tools. */
  const priced = new WeakMap<McpServer, string>();

  async function fetchPages(server: McpServer, signal: AbortSignal): Promise<ToolList> {
    const session = sessions.sessionOf(server, platformOwner);
    const tools = new Map<string, Tool>();
    let leftOut = 0;
    let cursor: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const result = await session.request({ method: "tools/list", params, signal });
      const read = readTools(result);
      leftOut += read.leftOut;
      for (const tool of read.tools) {
        if (!isToolAllowed(server.allowedTools, tool.name)) continue;
        if (tools.has(tool.name) || tools.size === maxTools || toolNameOf(server, tool.name).length > 128) leftOut++;
        else tools.set(tool.name, tool);
      }
      if (read.nextCursor === undefined || read.nextCursor === cursor) break;
      cursor = read.nextCursor;
    }
    return { tools: [...tools.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), leftOut };
  }

  async function ask(server: McpServer): Promise<ToolList> {
    const given = { signal: AbortSignal.timeout(listLimitMs), isIdempotent: true };
    const list = await catalog
      .policyOf(server)
      .run((signal) => fetchPages(server, signal), given)
      .catch((err: unknown) => {
        throw toToolFailure(server, err, undefined);
      });
    await putToolPrices(server, list.tools);
    return list;
  }

  /** What each tool costs, into the book: of the server's owner, or of all where it is for all. A repeat writes nothing. */
  async function putToolPrices(server: McpServer, tools: readonly Tool[]): Promise<void> {
    const prices = tools.map(({ name }) => {
      const nanos = usdToNanos(priceOfTool(server, name));
      const terms = toTermsMessage({ rates: { toolCalls: nanos * perMillion } });
      return { provider: payeeOf(server), model: name, terms };
    });
    const names = prices.map(({ model }) => model).join("\n");
    if (prices.length === 0 || priced.get(server) === names) return;
    await billing.putPrices({ tenantId: server.tenantId, prices });
    priced.set(server, names);
  }

  function refresh(server: McpServer, entry: Entry): Promise<ToolList> {
    // For all who may use the server, whoever comes first: nobody's own act.
    entry.flight ??= runInContext(undefined, () => ask(server))
      .then(
        (list) => {
          entry.list = list;
          entry.err = undefined;
          return list;
        },
        (err: unknown) => {
          entry.err = err;
          log.warn({ err, server: server.name }, "the tools of a server could not be listed");
          throw err;
        },
      )
      .finally(() => {
        entry.askedMs = clock.monotonicMs();
        entry.flight = undefined;
      });
    return entry.flight;
  }

  function entryOf(server: McpServer): Entry {
    let entry = entries.get(server);
    if (!entry) {
      entry = { list: undefined, askedMs: Number.NEGATIVE_INFINITY, err: undefined, flight: undefined };
      entries.set(server, entry);
    }
    return entry;
  }

  return {
    ask: (server) => refresh(server, entryOf(server)),
    async listOf(server) {
      const entry = entryOf(server);
      const ageMs = clock.monotonicMs() - entry.askedMs;
      if (ageMs < (entry.err === undefined ? freshMs : failedMs)) {
        if (entry.list) return entry.list;
        if (entry.err !== undefined) throw entry.err;
      }
      const asked = refresh(server, entry);
      if (!entry.list) return asked;
      // Nobody waits for news of a server that is known.
      asked.catch(() => undefined);
      return entry.list;
    },
  };
}
