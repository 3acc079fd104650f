import type { SimulatedModel } from "./catalogue.ts";
import { embed } from "./embedding.ts";
import type { RerankRequest } from "./requests.ts";
import { countSimulatedTokens } from "./tokenizer.ts";

const dimensions = 512;
const documentsPerSearch = 100;
const tokensPerDocument = 500;

/** The answer of `POST /v1/rerank` in Cohere's form: a document scores by the words that it shares with the query. */
export function answerRerank(request: RerankRequest, model: SimulatedModel, id: string) {
  const query = embed(request.query, dimensions);
  const texts = request.documents.map((document) => (typeof document === "string" ? document : document.text));
  const scored = texts.map((text, index) => ({
    index,
    relevance_score: Math.min(1, Math.max(0, dot(query, embed(text, dimensions)))),
    ...(request.return_documents && { document: { text } }),
  }));
  const results = scored.toSorted((a, b) => b.relevance_score - a.relevance_score || a.index - b.index);
  const queryTokens = countSimulatedTokens(request.query);
  const counts = texts.map((text) => queryTokens + countSimulatedTokens(text));
  const parts = counts.reduce((sum, count) => sum + Math.max(1, Math.ceil(count / tokensPerDocument)), 0);
  return {
    ...{ id, model: model.name, results: results.slice(0, request.top_n ?? results.length) },
    meta: { api_version: { version: "2" }, billed_units: { search_units: Math.ceil(parts / documentsPerSearch) } },
    promptTokens: counts.reduce((sum, count) => sum + count, 0),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}
