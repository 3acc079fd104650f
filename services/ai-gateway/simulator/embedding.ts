import type { SimulatedModel } from "./catalogue.ts";
import type { EmbeddingRequest } from "./requests.ts";
import { createSequence } from "./seeded.ts";
import { countSimulatedInput, splitSimulatedTokens } from "./tokenizer.ts";
import { badRequest } from "./wire-error.ts";

const nativeDimensions = 512;
const totalTokensLimit = 300_000;
/** How many coordinates one token moves. */
const coordinatesPerToken = 8;

/** The answer of `POST /v1/embeddings`. Throws a WireError 400 when an input is too long. */
export function answerEmbedding(request: EmbeddingRequest, model: SimulatedModel) {
  const inputs = inputsOf(request.input);
  const counts = inputs.map(countSimulatedInput);
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const longest = Math.max(...counts);
  if (longest > model.contextTokens) {
    const message = `This model's maximum context length is ${model.contextTokens} tokens, however you requested ${longest} tokens.`;
    throw badRequest("input", message, "context_length_exceeded");
  }
  if (tokens > totalTokensLimit) {
    throw badRequest("input", `Requested ${tokens} tokens, max ${totalTokensLimit} tokens per request.`);
  }
  const data = inputs.map((input, index) => {
    const vector = embed(input, request.dimensions ?? nativeDimensions);
    const embedding = request.encoding_format === "base64" ? toBase64(vector) : [...vector];
    return { object: "embedding", index, embedding };
  });
  return { object: "list", data, model: model.name, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

type Input = string | readonly number[];

function inputsOf(input: EmbeddingRequest["input"]): readonly Input[] {
  if (typeof input === "string") return [input];
  return typeof input[0] === "number" ? [input as readonly number[]] : (input as readonly Input[]);
}

/**
 * A unit vector by signed feature hashing (Weinberger et al., 2009): equal inputs get equal vectors, and the more words
 * two texts share, the closer theirs are. The whole input counts as one more word, so that order matters a little.
 */
export function embed(input: Input, dimensions: number): Float32Array {
  const words =
    typeof input === "string" ? splitSimulatedTokens(input.toLowerCase()).map((word) => word.trim()) : input;
  const vector = new Float32Array(dimensions);
  for (const feature of [...words, `whole\n${input}`]) {
    const next = createSequence(String(feature));
    for (let i = 0; i < coordinatesPerToken; i++) {
      const bits = next();
      const at = (bits >>> 1) % dimensions;
      vector[at] = (vector[at] ?? 0) + (bits & 1 ? 1 : -1);
    }
  }
  const length = Math.hypot(...vector);
  if (length === 0) return vector.fill(1 / Math.sqrt(dimensions));
  return vector.map((coordinate) => coordinate / length);
}

/** Little-endian 32-bit floats, the way the official SDKs ask for them unless told otherwise. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  vector.forEach((coordinate, index) => {
    bytes.writeFloatLE(coordinate, 4 * index);
  });
  return bytes.toString("base64");
}
