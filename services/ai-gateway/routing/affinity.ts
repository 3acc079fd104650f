import { hash } from "node:crypto";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Offer } from "../catalog.ts";
import type { Target } from "../model.ts";
import { isSealed } from "./bound-request.ts";
import { openingAt, openingOf } from "./opening.ts";
import { parseRequest } from "./request-json.ts";
import type { RouteStrategy } from "./route.ts";

/** As the configuration has it. */
export interface AffinitySettings {
  /** How long after its last call a conversation stays where it was; 0 for never. */
  readonly ttlMs: number;
  /** A shorter request is not worth it: no provider caches so little. */
  readonly minPromptBytes: number;
}

/** A conversation of one caller about one model, and why it may be better where it was. */
export interface Conversation {
  readonly key: string;
  /** Its prompt is long enough to be cached, or its caller names the cache. */
  readonly isCacheable: boolean;
  /** It carries thoughts that only who signed or sealed them takes back. */
  readonly isSealed: boolean;
}

/** What of a call names its conversation. */
export interface AskedConversation {
  readonly caller: Pick<Caller, "tenantId" | "userId" | "keyId">;
  /** The bytes that go upstream, or the caller's own. */
  readonly body: Buffer;
  /** Where the messages of a chat begin, if that was found already. */
  readonly messagesAt?: number;
  /** The request, where it says more than `body`: with what came before it. */
  readonly opened?: unknown;
}

/**
 * Which account has served a conversation last: what it has cached of the prompt, and what it has sealed, no other has. Remembered by
 * this node alone, for the conversations that were asked about last.
 */
export interface Affinity {
  /** Undefined for a name with one target, and for a request that is no conversation. */
  find(offer: Offer, asked: AskedConversation): Conversation | undefined;
  /**
   * The targets with the one first that served the conversation last, where that may be: among those that its route chooses from by
   * itself, or wherever it has sealed something. One that is out is no longer tried first by whoever walks along them.
   */
  lead(offer: Offer, targets: readonly Target[], conversation: Conversation | undefined): readonly Target[];
  /** The target has begun to answer. */
  note(conversation: Conversation | undefined, target: Target): void;
  readonly size: number;
}

interface Served {
  readonly name: string;
  readonly atMs: number;
}

/** Each takes some 200 bytes. Beyond them the one that was asked about longest ago is forgotten. */
const maxConversations = 50_000;
/** Those that choose anew for each call. What is in the order given, or by price, stays where it is by itself. */
const choosing: readonly RouteStrategy[] = ["scored", "weighted", "latency", "throughput"];
const cacheKeyMark = Buffer.from('"prompt_cache_key"');

export function createAffinity({ ttlMs, minPromptBytes }: AffinitySettings, clock: Clock): Affinity {
  const served = new Map<string, Served>();

  return {
    find(offer, asked) {
      if (ttlMs === 0 || offer.targets.length < 2) return undefined;
      const { body, caller } = asked;
      const named = nameOf(asked);
      if (named === undefined) return undefined;
      const { tenantId, userId, keyId } = caller;
      const key = hash("sha256", [tenantId, userId, keyId, offer.name, named.text].join("\0"), "base64url");
      return { key, isCacheable: named.isByCaller || body.length >= minPromptBytes, isSealed: isSealed(body) };
    },
    lead(offer, targets, conversation) {
      const last = conversation && served.get(conversation.key);
      if (!last || targets.length < 2) return targets;
      const target = targets.find((it) => nameOfTarget(it) === last.name);
      if (!target || target === targets[0]) return targets;
      const isCached = conversation.isCacheable && clock.monotonicMs() - last.atMs < ttlMs;
      if (!conversation.isSealed && !(isCached && isEqual(offer, targets[0], target))) return targets;
      return [target, ...targets.filter((it) => it !== target)];
    },
    note(conversation, target) {
      if (!conversation) return;
      // Behind the others: the first is the one to forget.
      served.delete(conversation.key);
      const [oldest] = served.keys();
      if (served.size >= maxConversations && oldest !== undefined) served.delete(oldest);
      served.set(conversation.key, { name: nameOfTarget(target), atMs: clock.monotonicMs() });
    },
    get size() {
      return served.size;
    },
  };
}

/** True where a route leaves it to its strategy which of the two comes first. */
function isEqual({ routed }: Offer, first: Target | undefined, target: Target): boolean {
  if (!routed || !choosing.includes(routed.route.strategy)) return false;
  // What a nested route orders is its own affair.
  const ruleOf = (of: Target | undefined) => routed.tree.targets.find((it) => "target" in it && it.target === of)?.rule;
  const rule = ruleOf(target);
  const standsIn = routed.route.strategy === "weighted" && rule?.weight === 0;
  return rule !== undefined && !standsIn && rule.priority === ruleOf(first)?.priority;
}

/** Of whatever version of its provider. */
function nameOfTarget({ provider, model }: Target): string {
  return `${provider.providerId} ${model.name}`;
}

/** What a caller calls its conversation, or what it begins with. */
function nameOf({ body, messagesAt, opened }: AskedConversation) {
  const mayBeNamed = body.includes(cacheKeyMark);
  const request = opened === undefined && (mayBeNamed || messagesAt === undefined) ? parseRequest(body) : opened;
  const key = mayBeNamed ? (cacheKeyOf(request) ?? cacheKeyOf(parseRequest(body))) : undefined;
  if (key !== undefined) return { text: `key ${key}`, isByCaller: true };
  const text = request === undefined && messagesAt !== undefined ? openingAt(body, messagesAt) : openingOf(request);
  return text === undefined ? undefined : { text: `opening ${text}`, isByCaller: false };
}

function cacheKeyOf(request: unknown): string | undefined {
  if (typeof request !== "object" || request === null) return undefined;
  const { prompt_cache_key: key } = request as { readonly prompt_cache_key?: unknown };
  return typeof key === "string" && key !== "" ? key : undefined;
}

/** Undefined for what is no JSON: whoever reads it says what is wrong. */
