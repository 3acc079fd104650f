import type { ProtocolVersion } from "./protocol.ts";
import type { AgentCard } from "./read-card.ts";

/** Where clients find an agent, and by what they must not find it. */
export interface CardPlace {
  /** At Lyss. */
  readonly agentUrl: string;
  /** The host that its owner has named. */
  readonly upstreamHost: string;
}

const scheme = "lyss";
const description = "An API key of Lyss.";

/** Each version has its own way to say that a key is sent as `Authorization: Bearer …`. */
const security: Readonly<Record<ProtocolVersion, object>> = {
  "1.0": {
    securitySchemes: { [scheme]: { httpAuthSecurityScheme: { scheme: "Bearer", description } } },
    securityRequirements: [{ schemes: { [scheme]: { list: [] } } }],
  },
  "0.3": {
    securitySchemes: { [scheme]: { type: "http", scheme: "bearer", description } },
    security: [{ [scheme]: [] }],
  },
};

/**
 * The card that clients of Lyss get: what the agent says of itself, at Lyss's address, with Lyss's security and what passes through Lyss. Nothing in it names
 * a host of the agent's, and no signature is in it, since none would hold.
 */
export function toCardBody(card: AgentCard, version: ProtocolVersion, { agentUrl, upstreamHost }: CardPlace): object {
  const { name, provider, documentationUrl, iconUrl, isStreaming, extensions, skills, interfaces } = card;
  const url = agentUrl;
  const { host } = new URL(agentUrl);
  const names = createNames([upstreamHost, ...card.hosts].filter((one) => one !== "" && one !== host));
  const body = {
    ...{ name, description: card.description, version: card.version },
    ...(version === "1.0"
      ? {
          supportedInterfaces: [...interfaces.keys()].map((protocolVersion) => ({
            ...{ url, protocolBinding: "JSONRPC", protocolVersion },
          })),
        }
      : { protocolVersion: "0.3.0", url, preferredTransport: "JSONRPC" }),
    ...(provider && { provider }),
    ...(documentationUrl !== undefined && { documentationUrl }),
    ...(iconUrl !== undefined && { iconUrl }),
    capabilities: {
      ...{ streaming: isStreaming, pushNotifications: false },
      ...(version === "1.0" && { extendedAgentCard: false }),
      extensions: extensions
        .filter(({ uri }) => !names(uri))
        .map(({ uri, description: about, isRequired }) => ({
          ...{ uri, required: isRequired },
          ...(about !== undefined && { description: about }),
        })),
    },
    ...security[version],
    ...{ defaultInputModes: card.inputModes, defaultOutputModes: card.outputModes },
    skills: skills.map(({ examples, inputModes, outputModes, ...skill }) => ({
      ...{ ...skill, ...(examples.length > 0 && { examples }) },
      ...{ ...(inputModes.length > 0 && { inputModes }), ...(outputModes.length > 0 && { outputModes }) },
    })),
  };
  return withoutNamed(body, names) as object;
}

/** Texts that the protocol wants are left empty where they name one of the hosts; others go. */
const wanted: ReadonlySet<string> = new Set(["name", "description", "version", "id"]);

type Names = (text: string) => boolean;

/** A host of one word, "agent", is a word of the card's as well: it counts within an address. */
function createNames(hosts: readonly string[]): Names {
  return (text) => hosts.some((host) => text.includes(/[.:]/.test(host) ? host : `//${host}`));
}

function withoutNamed(value: unknown, names: Names): unknown {
  if (Array.isArray(value)) {
    return value.filter((one) => typeof one !== "string" || !names(one)).map((one) => withoutNamed(one, names));
  }
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).flatMap(([field, one]) => {
    if (typeof one === "string" && names(one)) return wanted.has(field) ? [[field, ""]] : [];
    // Both of its fields or none.
    if (field === "provider" && Object.values(one as object).some((text) => names(String(text)))) return [];
    return [[field, withoutNamed(one, names)]];
  });
  return Object.fromEntries(kept);
}
