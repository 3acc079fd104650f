import assert from "node:assert/strict";
import { ApiError, type GenerateContentConfig, GoogleGenAI, JobState } from "@google/genai";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import { asked, type Client, citySchema, image, type Place, showsThoughts, thought } from "./client.ts";

const clientOf = ({ url, apiKey }: Place) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });

async function stream(place: Place, contents: string, config: GenerateContentConfig = {}) {
  const request = { model: place.model, contents, config };
  return Array.fromAsync(await clientOf(place).models.generateContentStream(request));
}

/** `@google/genai`'s `models`. */
export const googleGenAi: Client = {
  name: "generateContent",
  package: "@google/genai",
  features: {
    async batch(place) {
      const { batches } = clientOf(place);
      const src = [{ contents: asked.batched, metadata: { key: "one" } }];
      const { name = "" } = await batches.create({ model: place.model, src, config: { displayName: "one" } });
      const { state, dest } = await batches.get({ name });
      assert.equal(state, JobState.JOB_STATE_SUCCEEDED);
      assert.ok((await Array.fromAsync(await batches.list())).some((batch) => batch.name === name));
      const [answer] = dest?.inlinedResponses ?? [];
      assert.equal(answer?.metadata?.["key"], "one");
      assert.match(answer?.response?.candidates?.[0]?.content?.parts?.[0]?.text ?? "", /This is a simulated answer/);
      await batches.delete({ name });
    },
    async text(place) {
      const answer = await clientOf(place).models.generateContent({ model: place.model, contents: asked.text });
      assert.deepEqual([answer.modelVersion, answer.candidates?.[0]?.finishReason], [place.model, "STOP"]);
      assert.match(answer.text ?? "", /This is a simulated answer/);
    },
    async stream(place) {
      const whole = await clientOf(place).models.generateContent({ model: place.model, contents: asked.text });
      const pieces = await stream(place, asked.text);
      assert.equal(pieces.map(({ text }) => text ?? "").join(""), whole.text);
      assert.equal(pieces.at(-1)?.candidates?.[0]?.finishReason, "STOP");
    },
    async tools(place) {
      const { additionalProperties: _, ...parametersJsonSchema } = citySchema;
      const tools = [{ functionDeclarations: [{ name: "get_weather", parametersJsonSchema }] }];
      const question = "Please get_weather";
      const whole = await clientOf(place).models.generateContent({
        ...{ model: place.model, contents: question, config: { tools } },
      });
      const pieces = await stream(place, question, { tools });
      for (const [calls, parts] of [
        [whole.functionCalls, whole.candidates?.[0]?.content?.parts],
        [
          pieces.flatMap(({ functionCalls }) => functionCalls ?? []),
          pieces.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []),
        ],
      ] as const) {
        const [call] = calls ?? [];
        assert.deepEqual([call?.name, call?.args], ["get_weather", { city: "simulated city" }]);
        const response = { ...(call?.id && { id: call.id }), name: "get_weather", response: { output: "rain" } };
        const contents = [
          { role: "user", parts: [{ text: question }] },
          { role: "model", parts: [...(parts ?? [])].filter((part) => part.functionCall) },
          { role: "user", parts: [{ functionResponse: response }] },
        ];
        const answer = await clientOf(place).models.generateContent({
          ...{ model: place.model, contents, config: { tools } },
        });
        assert.match(answer.text ?? "", /get_weather returned: “rain”/);
      }
    },
    async shape(place) {
      const config = { responseMimeType: "application/json", responseJsonSchema: citySchema };
      const answer = await clientOf(place).models.generateContent({ model: place.model, contents: "Where?", config });
      assert.deepEqual(JSON.parse(answer.text ?? ""), { city: "simulated city" });
    },
    async image(place) {
      const contents = [{ text: "Look." }, { inlineData: { mimeType: "image/png", data: image } }];
      const answer = await clientOf(place).models.generateContent({ model: place.model, contents });
      assert.match(answer.text ?? "", /1 × image_url/);
    },
    async reasoning(place) {
      const config = { thinkingConfig: { includeThoughts: true } };
      const request = { model: place.model, contents: asked.thought, config };
      const whole = await clientOf(place).models.generateContent(request);
      const pieces = await stream(place, asked.thought, config);
      for (const answers of [[whole], pieces]) {
        const parts = answers.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
        const shown = parts.flatMap((part) => (part.thought ? [part.text] : [])).join("");
        const usage = answers.at(-1)?.usageMetadata;
        if (showsThoughts(place.vendor)) assert.equal(shown, thought);
        else assert.equal(usage?.thoughtsTokenCount, 7);
        assert.equal((usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0), 12);
      }
    },
    async usage(place) {
      const whole = await clientOf(place).models.generateContent({ model: place.model, contents: asked.text });
      const pieces = await stream(place, asked.text);
      const prompt = countSimulatedPrompt([{ role: "user", content: asked.text }]);
      for (const usage of [whole.usageMetadata, pieces.at(-1)?.usageMetadata]) {
        assert.deepEqual([usage?.promptTokenCount, usage?.candidatesTokenCount], [prompt, 12]);
      }
    },
    async error(place) {
      const call = clientOf(place).models.generateContent({ model: place.model, contents: asked.refused });
      await assert.rejects(call, (err) => err instanceof ApiError && err.status === 429);
    },
    async abort(place) {
      const leaving = new AbortController();
      const config = { abortSignal: leaving.signal };
      const pieces = await clientOf(place).models.generateContentStream({
        ...{ model: place.model, contents: asked.endless, config },
      });
      const read = async () => {
        for await (const piece of pieces) if (piece.text) leaving.abort();
      };
      await read().catch((err: unknown) => assert.equal((err as Error).name, "AbortError"));
      await place.untilLeft();
    },
    async count(place) {
      const contents = "How many are these?";
      const { totalTokens } = await clientOf(place).models.countTokens({ model: place.model, contents });
      const answer = await clientOf(place).models.generateContent({ model: place.model, contents });
      assert.equal(totalTokens, answer.usageMetadata?.promptTokenCount);
    },
    async vectors(place) {
      const { embeddings } = await clientOf(place).models.embedContent({
        ...{ model: place.vectorModel ?? "", contents: ["a cat", "a dog"], config: { outputDimensionality: 8 } },
      });
      assert.deepEqual(
        embeddings?.map(({ values }) => values?.length),
        [8, 8],
      );
    },
  },
};
