import type { OtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Surface } from "./surface.ts";

/** What a call uses besides tokens of text: known before it is sent, or bounded. */
export interface Units {
  /** Money is set aside for so much. */
  readonly most: OtherQuantities;
  /** Charged where the provider does not say. */
  readonly likely: OtherQuantities;
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined where text is all that is counted. `json` is a request whose content was checked. */
export function unitsOf(surface: Surface, json: Json): Units | undefined {
  return surface === "rerank" ? searchUnitsOf(json) : undefined;
}

/** A search is a query with up to so many documents; a longer document counts as several (docs.cohere.com, "How does Cohere's pricing work"). */
const documentsPerSearch = 100;
const tokensPerDocument = 500;
const likelyBytesPerToken = 4;
/** The query counts with each part of a document, and is taken for half of it at most. */
const leastBytesPerDocument = tokensPerDocument / 2;

function searchUnitsOf({ query, documents }: Json): Units {
  const queryBytes = Buffer.byteLength(String(query));
  const lengths = Array.isArray(documents) ? documents.map((document) => byteLengthOf(document) + queryBytes) : [];
  const searches = (bytesPerDocument: number): OtherQuantities => {
    const parts = lengths.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / bytesPerDocument)), 0);
    return { requests: BigInt(Math.max(1, Math.ceil(parts / documentsPerSearch))) };
  };
  return { most: searches(leastBytesPerDocument), likely: searches(tokensPerDocument * likelyBytesPerToken) };
}

function byteLengthOf(document: unknown): number {
  if (typeof document === "string") return Buffer.byteLength(document);
  const text = fieldOf(document, "text");
  return Buffer.byteLength(typeof text === "string" ? text : JSON.stringify(document));
}
