import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type PriceTermsSchema,
  ServiceMode as ServiceModeMessage,
  type TokenUsageSchema,
} from "../gen/lyss/billing/v1/billing_pb.js";
import { type Bucket, buckets, type ModeRates, type PriceTerms, type Rates, type ServiceMode } from "./price.ts";
import type { TokenCounts } from "./token-price.ts";
import { toOtherQuantities } from "./token-price.ts";

type RatesMessage = { readonly [B in Bucket]?: bigint | undefined };

interface ModesMessage {
  readonly batch?: RatesMessage | undefined;
  readonly flex?: RatesMessage | undefined;
  readonly priority?: RatesMessage | undefined;
}

/** What `fromTermsMessage` reads: a message of the contract, or what its bounds let through. */
export interface TermsMessage extends ModesMessage {
  readonly rates?: RatesMessage | undefined;
  readonly tiers: readonly (ModesMessage & {
    readonly aboveInputTokens: bigint;
    readonly rates?: RatesMessage | undefined;
  })[];
  readonly windows: readonly {
    readonly fromMinute: number;
    readonly toMinute: number;
    readonly rates?: RatesMessage | undefined;
  }[];
  readonly markupPpm: number;
}

/** How each mode is called on the wire. */
export const serviceModeMessages: Readonly<Record<ServiceMode, ServiceModeMessage>> = {
  standard: ServiceModeMessage.UNSPECIFIED,
  batch: ServiceModeMessage.BATCH,
  flex: ServiceModeMessage.FLEX,
  priority: ServiceModeMessage.PRIORITY,
};

const modesByMessage = new Map(
  Object.entries(serviceModeMessages).map(([mode, message]) => [message, mode as ServiceMode]),
);

/** What a mode means here; one that is not known here is charged as the usual one. */
export function fromServiceModeMessage(message: ServiceModeMessage): ServiceMode {
  return modesByMessage.get(message) ?? "standard";
}

/** Terms as billing's contract carries them. */
export function toTermsMessage(terms: PriceTerms): MessageInitShape<typeof PriceTermsSchema> {
  const { rates, tiers = [], modes = {}, windows = [], markupPpm = 0 } = terms;
  const ofTiers = tiers.map(({ modes: ofTier, ...tier }) => ({ ...tier, ...ofTier }));
  return { rates, tiers: ofTiers, windows: [...windows], markupPpm, ...modes };
}

/** The terms that a message carries; what it leaves out is left out. */
export function fromTermsMessage(message: TermsMessage): PriceTerms {
  const { tiers, windows, markupPpm } = message;
  return {
    rates: fromRatesMessage(message.rates),
    ...(tiers.length > 0 && {
      tiers: tiers.map(({ aboveInputTokens, rates, ...ofTier }) => ({
        ...{ aboveInputTokens, rates: fromRatesMessage(rates), ...fromModesMessage(ofTier) },
      })),
    }),
    ...fromModesMessage(message),
    ...(windows.length > 0 && {
      windows: windows.map(({ fromMinute, toMinute, rates }) => ({
        ...{ fromMinute, toMinute, rates: fromRatesMessage(rates) },
      })),
    }),
    ...(markupPpm !== 0 && { markupPpm }),
  };
}

function fromModesMessage({ batch, flex, priority }: ModesMessage): { readonly modes?: ModeRates } {
  const modes = {
    ...(batch && { batch: fromRatesMessage(batch) }),
    ...(flex && { flex: fromRatesMessage(flex) }),
    ...(priority && { priority: fromRatesMessage(priority) }),
  };
  return Object.keys(modes).length > 0 ? { modes } : {};
}

function fromRatesMessage(message: RatesMessage | undefined): Rates {
  return Object.fromEntries(
    buckets.flatMap((bucket) => (message?.[bucket] === undefined ? [] : [[bucket, message[bucket]]])),
  );
}

/** What was used, as billing's contract carries it. */
export function toUsageMessage(counts: TokenCounts): MessageInitShape<typeof TokenUsageSchema> {
  const { inputTokens, cachedInputTokens, outputTokens, otherBuckets } = counts;
  return { inputTokens, cachedInputTokens, outputTokens, ...(otherBuckets && { other: otherBuckets }) };
}

/** What a message says was used; nothing where there is none. */
export function fromUsageMessage(message: {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly other?: object | undefined;
}): TokenCounts {
  const { inputTokens, cachedInputTokens, outputTokens, other } = message;
  const otherBuckets = other && toOtherQuantities(other);
  return { inputTokens, cachedInputTokens, outputTokens, ...(otherBuckets && { otherBuckets }) };
}
