import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { toText } from "../servers/plain-text.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { type ProtocolVersion, protocolVersions } from "./protocol.ts";

/** Where an agent takes one version of the protocol: a path below the origin that its owner has named. */
export interface AgentInterface {
  readonly path: string;
  /** What its server wants to be told with each request to tell its agents apart. */
  readonly tenant: string | undefined;
}

export interface Skill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
  readonly inputModes: readonly string[];
  readonly outputModes: readonly string[];
}

export interface Extension {
  readonly uri: string;
  readonly description: string | undefined;
  readonly isRequired: boolean;
}

/** What an agent says of itself, whichever version its card is written in; bounded, and freed of characters that nobody sees. */
export interface AgentCard {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly provider: { readonly organization: string; readonly url: string } | undefined;
  readonly documentationUrl: string | undefined;
  readonly iconUrl: string | undefined;
  readonly isStreaming: boolean;
  readonly extensions: readonly Extension[];
  readonly inputModes: readonly string[];
  readonly outputModes: readonly string[];
  readonly skills: readonly Skill[];
  readonly interfaces: ReadonlyMap<ProtocolVersion, AgentInterface>;
  /** Hosts that it names as its own addresses. */
  readonly hosts: readonly string[];
}

const maxListed = 100;
const maxShortLength = 200;
const maxLongLength = 8_192;
const maxUrlLength = 2_000;
const maxPathLength = 1_000;

/**
 * A card of version 1.0 or 0.3. Its addresses count for their paths alone: its owner has said which origin is called. Throws an RpcAnswerError for what is no
 * card, and for an agent that takes no version of the protocol over JSON-RPC that is spoken here.
 */
export function readCard(value: unknown): AgentCard {
  if (!isObject(value)) throw new RpcAnswerError("malformed");
  const { name, description, capabilities, skills } = value;
  const stated = [...readStated(value)];
  const can = isObject(capabilities) ? capabilities : {};
  if (typeof name !== "string" || name === "" || !Array.isArray(skills)) throw new RpcAnswerError("malformed");
  const interfaces = toInterfaces(stated);
  if (interfaces.size === 0) throw new RpcAnswerError("version");
  return {
    ...{ name: toText(name, maxShortLength) ?? "", description: toText(description, maxLongLength) ?? "" },
    ...{ version: toText(value["version"], maxShortLength) ?? "", provider: readProvider(value["provider"]) },
    ...{ documentationUrl: toUrl(value["documentationUrl"])?.href, iconUrl: toUrl(value["iconUrl"])?.href },
    ...{ isStreaming: can["streaming"] === true, extensions: listOf(can["extensions"], readExtension) },
    ...{ inputModes: textsOf(value["defaultInputModes"]), outputModes: textsOf(value["defaultOutputModes"]) },
    ...{ skills: listOf(skills, readSkill), interfaces, hosts: [...new Set(stated.map(({ url }) => url.host))] },
  };
}

interface Stated {
  readonly url: URL;
  readonly binding: string;
  readonly version: string;
  readonly tenant: string | undefined;
}

/** Every address that it names: 1.0 lists them, 0.3 has one and more beside it. */
function* readStated(card: RpcParams): Generator<Stated> {
  const { supportedInterfaces, url, preferredTransport = "JSONRPC", additionalInterfaces, protocolVersion } = card;
  for (const one of listOf(supportedInterfaces, (entry) => entry)) {
    const { url: own, protocolBinding, protocolVersion: version, tenant } = one;
    const named = toUrl(own);
    const forTenant = typeof tenant === "string" && tenant !== "" ? tenant.slice(0, maxShortLength) : undefined;
    if (named) yield { url: named, binding: String(protocolBinding), version: String(version), tenant: forTenant };
  }
  const version = typeof protocolVersion === "string" ? protocolVersion : "0.3";
  const first = toUrl(url);
  if (first) yield { url: first, binding: String(preferredTransport), version, tenant: undefined };
  for (const { url: own, transport } of listOf(additionalInterfaces, (entry) => entry)) {
    const named = toUrl(own);
    if (named) yield { url: named, binding: String(transport), version, tenant: undefined };
  }
}

function toInterfaces(stated: readonly Stated[]): ReadonlyMap<ProtocolVersion, AgentInterface> {
  const found = new Map<ProtocolVersion, AgentInterface>();
  for (const { url, binding, version: said, tenant } of stated) {
    const version = protocolVersions.find((known) => said === known || said.startsWith(`${known}.`));
    const isTaken = binding.toUpperCase() === "JSONRPC" && url.pathname.length <= maxPathLength;
    if (version && isTaken && !found.has(version)) found.set(version, { path: url.pathname, tenant });
  }
  return found;
}

function readProvider(value: unknown): AgentCard["provider"] {
  if (!isObject(value)) return undefined;
  const organization = toText(value["organization"], maxShortLength);
  const url = toUrl(value["url"])?.href;
  return organization !== undefined && url !== undefined ? { organization, url } : undefined;
}

function readExtension({ uri, description, required }: RpcParams): Extension | undefined {
  if (typeof uri !== "string" || uri.length > maxUrlLength || !/^[\x21-\x7e]+$/.test(uri)) return undefined;
  return { uri, description: toText(description, maxLongLength), isRequired: required === true };
}

function readSkill({ id, name, description, ...skill }: RpcParams): Skill | undefined {
  const read = { id: toText(id, maxShortLength), name: toText(name, maxShortLength) };
  if (!read.id || !read.name) return undefined;
  return {
    ...{ id: read.id, name: read.name, description: toText(description, maxLongLength) ?? "" },
    ...{ tags: textsOf(skill["tags"]), examples: textsOf(skill["examples"], maxLongLength) },
    ...{ inputModes: textsOf(skill["inputModes"]), outputModes: textsOf(skill["outputModes"]) },
  };
}

function toUrl(value: unknown): URL | undefined {
  if (typeof value !== "string" || value.length > maxUrlLength) return undefined;
  const url = URL.parse(value);
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}

function textsOf(value: unknown, maxLength = maxShortLength): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown) => toText(one, maxLength) ?? []).slice(0, maxListed);
}

function listOf<Item>(value: unknown, read: (entry: RpcParams) => Item | undefined): readonly Item[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => (isObject(entry) ? (read(entry) ?? []) : [])).slice(0, maxListed);
}
