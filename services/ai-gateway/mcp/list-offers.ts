import { createHash } from "node:crypto";
import { decodeCursor, encodeCursor } from "@lyss/kit/http/page.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type McpServer, mayCall, toolNameOf } from "./mcp-server.ts";
import type { Offer } from "./offer-book.ts";
import { uriOf } from "./resource-uri.ts";

type ListDeps = Pick<AiGatewayDeps, "mcpCatalog" | "offerBook">;

/** An entry of a list: by which name a key allows it, and what it is sorted by. */
interface Entry {
  readonly allowedAs: string;
  readonly key: string;
  readonly item: object;
}

const pageSize = 200;

/** How each kind is listed to callers: in which field, and under which names. */
const kinds = {
  "tools/list": {
    field: "tools",
    entriesOf: (server: McpServer, { tools }: Offer) =>
      tools.items.map((tool) => {
        const name = toolNameOf(server, tool.name);
        return { allowedAs: name, key: name, item: { ...tool, name } };
      }),
  },
  "prompts/list": {
    field: "prompts",
    entriesOf: (server: McpServer, { prompts }: Offer) =>
      prompts.items.map((prompt) => {
        const name = toolNameOf(server, prompt.name);
        return { allowedAs: name, key: name, item: { ...prompt, name } };
      }),
  },
  "resources/list": {
    field: "resources",
    entriesOf: (server: McpServer, { resources }: Offer) =>
      resources.items.map((resource) => {
        const uri = uriOf(server, resource.uri);
        return { allowedAs: toolNameOf(server, resource.uri), key: uri, item: { ...resource, uri } };
      }),
  },
  "resources/templates/list": {
    field: "resourceTemplates",
    entriesOf: (server: McpServer, { templates }: Offer) =>
      templates.items.map((template) => {
        const uriTemplate = uriOf(server, template.uriTemplate);
        return {
          ...{ allowedAs: toolNameOf(server, template.uriTemplate), key: uriTemplate },
          item: { ...template, uriTemplate },
        };
      }),
  },
} as const;
export type ListMethod = keyof typeof kinds;

export function isListMethod(method: string): method is ListMethod {
  return Object.hasOwn(kinds, method);
}

/** A page of what a caller may use, by name, and where the next begins. A server that does not answer hides nothing of another. */
export async function listOffers(
  deps: ListDeps,
  method: ListMethod,
  { tenantId, models }: Caller,
  cursor: string | undefined,
) {
  const [after = ""] = decodeCursor(cursor, 1) ?? [];
  const { field, entriesOf } = kinds[method];
  const offers = await offersOf(deps, tenantId);
  const all = offers
    .flatMap(({ server, offer }): readonly Entry[] => entriesOf(server, offer))
    .filter(({ key, allowedAs }) => key > after && mayCall(models, allowedAs))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = all.slice(0, pageSize);
  const last = page.at(-1);
  return {
    [field]: page.map(({ item }) => item),
    ...(all.length > pageSize && last && { nextCursor: encodeCursor([last.key]) }),
  };
}

/** What can be announced to a caller: each part that one of the servers has. */
export async function capabilitiesFor(deps: ListDeps, { tenantId }: Caller) {
  const offers = await offersOf(deps, tenantId);
  const has = (part: keyof Offer["has"]) => offers.some(({ offer }) => offer.has[part]);
  return {
    tools: { listChanged: true },
    ...(has("prompts") && { prompts: { listChanged: true } }),
    ...(has("resources") && { resources: { listChanged: true, ...(has("subscriptions") && { subscribe: true }) } }),
    ...(has("completions") && { completions: {} }),
    ...(has("logging") && { logging: {} }),
  };
}

/** Lists of whose changes clients are told, as the protocol calls them. */
export const newsKinds = ["tools", "prompts", "resources"] as const;
type Versions = Readonly<Record<(typeof newsKinds)[number], string>>;

const known = new WeakMap<Offer, Versions>();

/** Another text for each list as soon as something in it is another, of servers that the caller's tenant has; what its key may use of them is not looked at. */
export async function versionsFor(deps: ListDeps, { tenantId }: Pick<Caller, "tenantId">): Promise<Versions> {
  const offers = await offersOf(deps, tenantId);
  const versionOf = (kind: keyof Versions) =>
    JSON.stringify(offers.map(({ server, offer }) => [server.name, versionsOf(offer)[kind]]));
  return { tools: versionOf("tools"), prompts: versionOf("prompts"), resources: versionOf("resources") };
}

/** Once for each time that a server was asked. */
function versionsOf(offer: Offer): Versions {
  const { tools, prompts, resources, templates } = offer;
  const versions = known.get(offer) ?? {
    tools: digest(tools.items),
    prompts: digest(prompts.items),
    resources: digest([resources.items, templates.items]),
  };
  known.set(offer, versions);
  return versions;
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

async function offersOf({ mcpCatalog, offerBook }: ListDeps, tenantId: string) {
  const asked = mcpCatalog.list(tenantId).map(async (server) => {
    // What is wrong stands in the log, and `GET /api/v1/ai/mcp-servers/{name}/tools` says it.
    const offer = await offerBook.of(server).catch(() => undefined);
    return offer ? [{ server, offer }] : [];
  });
  return (await Promise.all(asked)).flat();
}
