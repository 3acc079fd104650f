import type { Client } from "@connectrpc/connect";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { usdToNanos } from "../model.ts";
import { isObject, type RpcParams } from "./json-rpc.ts";
import type { McpCatalog } from "./mcp-catalog.ts";
import { isToolAllowed, type McpServer, payeeOf, priceOfTool, toolNameOf } from "./mcp-server.ts";
import { type McpSessions, platformOwner } from "./mcp-sessions.ts";
import { readListing } from "./read-listing.ts";
import { type Prompt, readPrompt } from "./read-prompts.ts";
import { type Resource, type ResourceTemplate, readResource, readResourceTemplate } from "./read-resources.ts";
import { readTool, type Tool } from "./read-tools.ts";
import { toToolFailure } from "./tool-server-failure.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** Of one kind. */
export interface Listed<Item> {
  /** By name. */
  readonly items: readonly Item[];
  /** How many were left out: for a name, a size or a form that is not taken, or beyond the most that are. */
  readonly leftOut: number;
}

/** What a server says that it has. */
export interface Offer {
  readonly tools: Listed<Tool>;
  readonly prompts: Listed<Prompt>;
  readonly resources: Listed<Resource>;
  readonly templates: Listed<ResourceTemplate>;
  /** Which parts of the protocol it has. */
  readonly has: { readonly prompts: boolean; readonly resources: boolean; readonly completions: boolean };
}

/** What servers offer, as this node knows it, with their prices in billing's book. */
export interface OfferBook {
  /** Not older than a minute, or an older one where the server cannot be asked. Throws what it answered wrong if nothing is known of it. */
  offerOf(server: McpServer): Promise<Offer>;
  /** Asks the server now. */
  ask(server: McpServer): Promise<Offer>;
}

interface Entry {
  offer: Offer | undefined;
  askedMs: number;
  err: unknown;
  flight: Promise<Offer> | undefined;
}

/** How one kind is listed. */
interface Kind<Item> {
  readonly method: string;
  readonly field: string;
  read(entry: RpcParams): Item | undefined;
  /** As the server has it. */
  nameOf(item: Item): string;
  /** Of the name that callers write. */
  readonly maxNameLength: number;
}

/** What a read of a resource and a prompt are called where money is: no tool can have such a name. */
export const readUnit = "resources/read";
export const promptUnit = "prompts/get";

const tools: Kind<Tool> = {
  ...{ method: "tools/list", field: "tools", read: readTool, nameOf: ({ name }) => name, maxNameLength: 128 },
};
const prompts: Kind<Prompt> = {
  ...{ method: "prompts/list", field: "prompts", read: readPrompt, nameOf: ({ name }) => name, maxNameLength: 200 },
};
const resources: Kind<Resource> = {
  ...{
    method: "resources/list",
    field: "resources",
    read: readResource,
    nameOf: ({ uri }) => uri,
    maxNameLength: 4_096,
  },
};
const templates: Kind<ResourceTemplate> = {
  ...{ method: "resources/templates/list", field: "resourceTemplates", read: readResourceTemplate },
  ...{ nameOf: ({ uriTemplate }) => uriTemplate, maxNameLength: 4_096 },
};
const none = { items: [], leftOut: 0 };

const freshMs = 60_000;
/** One that does not answer is left alone for so long. */
const failedMs = 10_000;
const listLimitMs = 10_000;
const maxPages = 50;
const maxItems = 1_000;
/** Of a price for one call: billing counts by the million. */
const perMillion = 1_000_000n;

export interface OfferBookDeps {
  readonly billing: Client<typeof BillingService>;
  readonly catalog: McpCatalog;
  readonly sessions: McpSessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createOfferBook({ billing, catalog, sessions, clock, log }: OfferBookDeps): OfferBook {
  /** By the server as it is now: one that changes is another object. */
  const entries = new WeakMap<McpServer, Entry>();
  /** Whose prices are in the book, and for which tools. */
  const priced = new WeakMap<McpServer, string>();

  async function fetchOffer(server: McpServer, signal: AbortSignal): Promise<Offer> {
    const session = sessions.sessionOf(server, platformOwner);
    const said = await session.capabilities(signal);
    const has = (name: string) => isObject(said[name]);
    const list = <Item>(kind: Kind<Item>) => fetchPages(server, session, kind, signal);
    // What a server says that it has and does not have hides nothing else.
    const maybe = <Item>(name: string, kind: Kind<Item>): Promise<Listed<Item>> | Listed<Item> =>
      has(name) ? list(kind).catch(orNone) : none;
    const [ofTools, ofPrompts, ofResources, ofTemplates] = await Promise.all([
      has("tools") || !(has("prompts") || has("resources")) ? list(tools) : none,
      ...[maybe("prompts", prompts), maybe("resources", resources), maybe("resources", templates)],
    ] as const);
    return {
      ...{ tools: ofTools, prompts: ofPrompts, resources: ofResources, templates: ofTemplates },
      has: { prompts: has("prompts"), resources: has("resources"), completions: has("completions") },
    };
  }

  async function ask(server: McpServer): Promise<Offer> {
    const given = { signal: AbortSignal.timeout(listLimitMs), isIdempotent: true };
    const offer = await catalog
      .policyOf(server)
      .run((signal) => fetchOffer(server, signal), given)
      .catch((err: unknown) => {
        throw toToolFailure(server, err, undefined);
      });
    await putPrices(server, offer);
    return offer;
  }

  /** What each call costs, into the book: of the server's owner, or of all where it is for all. A repeat writes nothing. */
  async function putPrices(server: McpServer, { tools: { items }, has }: Offer): Promise<void> {
    const units = items.map(({ name }) => name);
    if (has.prompts) units.push(promptUnit);
    if (has.resources) units.push(readUnit);
    const prices = units.map((unit) => {
      const nanos = usdToNanos(priceOfTool(server, unit));
      const terms = toTermsMessage({ rates: { toolCalls: nanos * perMillion } });
      return { provider: payeeOf(server), model: unit, terms };
    });
    const names = units.join("\n");
    if (prices.length === 0 || priced.get(server) === names) return;
    await billing.putPrices({ tenantId: server.tenantId, prices });
    priced.set(server, names);
  }

  function refresh(server: McpServer, entry: Entry): Promise<Offer> {
    // For all who may use the server, whoever comes first: nobody's own act.
    entry.flight ??= runInContext(undefined, () => ask(server))
      .then(
        (offer) => {
          entry.offer = offer;
          entry.err = undefined;
          return offer;
        },
        (err: unknown) => {
          entry.err = err;
          log.warn({ err, server: server.name }, "what a server offers could not be listed");
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
      entry = { offer: undefined, askedMs: Number.NEGATIVE_INFINITY, err: undefined, flight: undefined };
      entries.set(server, entry);
    }
    return entry;
  }

  return {
    ask: (server) => refresh(server, entryOf(server)),
    async offerOf(server) {
      const entry = entryOf(server);
      const ageMs = clock.monotonicMs() - entry.askedMs;
      if (ageMs < (entry.err === undefined ? freshMs : failedMs)) {
        if (entry.offer) return entry.offer;
        if (entry.err !== undefined) throw entry.err;
      }
      const asked = refresh(server, entry);
      if (!entry.offer) return asked;
      // Nobody waits for news of a server that is known.
      asked.catch(() => undefined);
      return entry.offer;
    },
  };
}

/** All pages of one kind. */
async function fetchPages<Item>(
  server: McpServer,
  session: UpstreamSession,
  { method, field, read, nameOf, maxNameLength }: Kind<Item>,
  signal: AbortSignal,
): Promise<Listed<Item>> {
  const found = new Map<string, Item>();
  let leftOut = 0;
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const listing = readListing(await session.request({ method, params, signal }), field, read);
    leftOut += listing.leftOut;
    for (const item of listing.items) {
      const name = nameOf(item);
      if (!isToolAllowed(server.allowedTools, name)) continue;
      const isOver = found.size === maxItems || toolNameOf(server, name).length > maxNameLength;
      if (found.has(name) || isOver) leftOut++;
      else found.set(name, item);
    }
    if (listing.nextCursor === undefined || listing.nextCursor === cursor) break;
    cursor = listing.nextCursor;
  }
  return { items: [...found.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)), leftOut };
}

function orNone(err: unknown): typeof none {
  if (isFailure(err, toolFailures.tool_refused)) return none;
  throw err;
}
