import type { Client } from "@connectrpc/connect";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { type AskedBook, createAskedBook } from "../servers/asked-book.ts";
import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { isAllowed } from "../servers/server.ts";
import type { ServerCatalog } from "../servers/server-catalog.ts";
import { createUnitPrices } from "../servers/unit-prices.ts";
import { type McpServer, payeeOf, priceOfTool, toolNameOf } from "./mcp-server.ts";
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
  readonly has: {
    readonly prompts: boolean;
    readonly resources: boolean;
    readonly completions: boolean;
    readonly logging: boolean;
    /** Whether it tells when a resource changes that it was asked to tell of. */
    readonly subscriptions: boolean;
    /** Whether it says by itself that a list has changed. */
    readonly news: boolean;
  };
}

/** What servers offer, as this node knows it, with their prices in billing's book. */
export type OfferBook = AskedBook<McpServer, Offer>;

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

const listLimitMs = 10_000;
const maxPages = 50;
const maxItems = 1_000;

export interface OfferBookDeps {
  readonly billing: Client<typeof BillingService>;
  readonly catalog: ServerCatalog<McpServer>;
  readonly sessions: McpSessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createOfferBook({ billing, catalog, sessions, clock, log }: OfferBookDeps): OfferBook {
  const prices = createUnitPrices(billing);

  async function fetchOffer(server: McpServer, signal: AbortSignal): Promise<Offer> {
    const session = sessions.sessionOf(server, platformOwner);
    const said = await session.capabilities(signal);
    const has = (name: string) => isObject(said[name]);
    const says = (part: string, name: string) => isObject(said[part]) && said[part][name] === true;
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
      has: {
        prompts: has("prompts"),
        resources: has("resources"),
        completions: has("completions"),
        logging: has("logging"),
        subscriptions: says("resources", "subscribe"),
        news: ["tools", "prompts", "resources"].some((part) => says(part, "listChanged")),
      },
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

  async function putPrices(server: McpServer, { tools: { items }, has }: Offer): Promise<void> {
    const units = items.map(({ name }) => name);
    if (has.prompts) units.push(promptUnit);
    if (has.resources) units.push(readUnit);
    await prices.put(server, payeeOf(server), new Map(units.map((unit) => [unit, priceOfTool(server, unit)])));
  }

  return createAskedBook({ ask, clock, log, failedText: "what a server offers could not be listed" });
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
      if (!isAllowed(server.allowedTools, name)) continue;
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
