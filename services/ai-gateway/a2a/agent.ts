import { z } from "zod";
import { baseUrlSchema } from "../base-url.ts";
import { type Provider, withoutEndSlash } from "../model.ts";
import { isAllowed, type Server, serverNameSchema, toUpstream, usdPerCallSchema } from "../servers/server.ts";

/** An agent that speaks the Agent2Agent protocol, at the address below which its card is. */
export interface Agent extends Server {
  /** What a message to it costs: a decimal string of US dollars. */
  readonly usdPerCall: string;
}

/** What stands before an agent's name where models and tools have theirs: on a key's list, and where money is. */
const prefix = "a2a:";

/** What the agent is called where money is: no model's provider can have such a name. */
export function payeeOf({ name }: Pick<Agent, "name">): string {
  return prefix + name;
}

/** What a message to an agent is called where money is. */
export const messageUnit = "message";

/** The agent as those parts see it that hold secrets and connections. */
export function upstreamOf(agent: Agent): Provider {
  return toUpstream(agent, payeeOf(agent));
}

/** True when a key that is limited to `allowed` may call the agent: one that names models or tools alone lets no agent in. */
export function mayCallAgent(allowed: readonly string[], agent: Pick<Agent, "name">): boolean {
  if (allowed.length === 0) return true;
  const agents = allowed.filter((entry) => entry.startsWith(prefix));
  return agents.length > 0 && isAllowed(agents, payeeOf(agent));
}

/** Where its card is, below its address. */
export const cardPath = "/.well-known/agent-card.json";

/** Its address, also for who names that of its card. */
export function toAgentUrl(url: string): string {
  return withoutEndSlash(url.endsWith(cardPath) ? url.slice(0, -cardPath.length) : url);
}

/** What is said of an agent wherever one is named. */
export const agentFields = {
  name: serverNameSchema.describe("It is reached at `/v1/a2a/<name>`, and keys are limited to it as `a2a:<name>`."),
  url: baseUrlSchema.describe(
    "The address below which its card is, such as https://agents.example.com/docs: `<url>/.well-known/agent-card.json`.",
  ),
  usdPerCall: usdPerCallSchema.describe("What a message to it costs: a decimal string of US dollars."),
  timeoutMs: z.int().min(100).max(3_600_000).describe("Limit of a call, the whole of its stream included."),
};

export const defaultUsdPerCall = "0";
export const defaultTimeoutMs = 600_000;
