import { VoyageAIClient, VoyageAIError } from "voyageai";
import { models, type Sdk } from "./sdk.ts";

/** It answers vectors as OpenAI does; its list of ranked documents is called otherwise than Cohere's. */
export const voyage: Sdk = {
  ...{ package: "voyageai", name: "Voyage", places: ["its vendor", "Lyss"] },
  words: { end: "", call: "", showsThoughts: false },
  open({ url, apiKey }) {
    const client = new VoyageAIClient({ environment: `${url}/v1`, apiKey, maxRetries: 0 });
    return {
      async embed(input) {
        const { data = [] } = await client.embed({ model: models.vectors, input });
        return data.map(({ embedding = [] }) => embedding);
      },
    };
  },
  isTooMany: (err) => err instanceof VoyageAIError && err.statusCode === 429,
};
