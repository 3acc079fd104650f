import type { VendorProvider } from "@lyss/services/ai-gateway/simulator/vendor-providers.ts";

/** What a client is tried with, by the letter that stands for it on the page. */
export const features = {
  text: ["T", "an answer, whole"],
  stream: ["S", "the same answer as a stream"],
  tools: ["F", "a tool is called, whole and streamed, and its result is answered"],
  shape: ["J", "an answer that keeps to a JSON schema"],
  image: ["I", "an image in the request"],
  reasoning: ["R", "what was thought, as text where the vendor shows it, else as tokens"],
  usage: ["U", "tokens as the vendor reports them, whole and streamed"],
  error: ["E", "the vendor's 429 as the client's own class of error"],
  abort: ["A", "a stream that the client leaves ends at the vendor too"],
  count: ["C", "tokens counted before a call, as the call reports them"],
  vectors: ["V", "texts as vectors"],
  compact: ["K", "a conversation told in fewer tokens, and gone on from"],
  background: ["L", "a stream in the background that is left, taken up where it was, and heard again"],
  voice: ["H", "sound that is heard and answered with sound"],
  secret: ["W", "a session that a client secret opens, with its settings"],
  batch: ["B", "a batch of requests, at a vendor that takes batches: made, listed, ended, its answers read"],
} as const satisfies Readonly<Record<string, readonly [letter: string, what: string]>>;
export type Feature = keyof typeof features;

/** A model behind a vendor's wire, and the platform that it is asked through. */
export interface Place {
  readonly url: string;
  readonly apiKey: string;
  readonly vendor: VendorProvider;
  /** What the platform calls the model. */
  readonly model: string;
  /** The same for one that gives vectors; undefined where the vendor's wire has none. */
  readonly vectorModel: string | undefined;
  /** The same for one that hears and speaks. */
  readonly voiceModel: string | undefined;
  /** The platform behind TLS, with a certificate that nobody vouches for. */
  readonly secureUrl: string;
  /** Whether the vendor takes batches in its wire's form, or in files. */
  readonly takesBatches: boolean;
  /** Resolves when the vendor has no call under way. */
  untilLeft(): Promise<void>;
}

/** A public client library at one of its surfaces, with nothing changed but the base URL. */
export interface Client {
  readonly name: string;
  /** Of npm or PyPI. */
  readonly package: string;
  /** Each throws unless the client did what the feature says. */
  readonly features: Partial<Readonly<Record<Feature, (place: Place) => Promise<void>>>>;
}

/** Vendors who keep to themselves what a model thinks. */
export function showsThoughts({ dialect }: VendorProvider): boolean {
  return dialect !== "openai" && dialect !== "azure" && dialect !== "responses";
}

export const asked = {
  batched: "Hello simulate.batch_ms=0 simulate.tokens=12",
  text: "Hello simulate.tokens=12",
  thought: "Hi simulate.reasoning_tokens=7 simulate.tokens=5",
  refused: "Hi simulate.error=429",
  endless: "Hi simulate.tokens=5000 simulate.token_delay_ms=5",
} as const;
export const thought = "A simulated thought.";

export const citySchema = {
  type: "object" as const,
  properties: { city: { type: "string" as const } },
  required: ["city"],
  additionalProperties: false,
};
/** The smallest PNG. */
export const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
