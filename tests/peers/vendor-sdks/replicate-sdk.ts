import { versionOf } from "@lyss/services/ai-gateway/simulator/serve-predictions.ts";
import Replicate, { type ApiError, type Prediction } from "replicate";
import { pictureUrl } from "./chat-like.ts";
import { endWhenLeft } from "./end-when-left.ts";
import { type Asking, models, type Said, type Sdk } from "./sdk.ts";

const model = `openai/${models.chat}` as const;

function toInput({ text, showsImage }: Asking) {
  return { prompt: text, ...(showsImage && { image_input: [pictureUrl] }) };
}

function toSaid({ status, output }: Prediction): Said {
  return { text: Array.isArray(output) ? output.join("") : "", finish: status };
}

/** Its class of error is not among what it exports. */
function isApiError(err: unknown): err is ApiError {
  return err instanceof Error && err.name === "ApiError" && "response" in err;
}

/** Models take prompts and call no tools; what they took in tokens stands in no type of the SDK's. */
export const replicate: Sdk = {
  ...{ package: "replicate", name: "Replicate", places: ["its vendor"], without: ["tools", "shape", "usage"] },
  words: { end: "succeeded", call: "", showsThoughts: false },
  open({ url, apiKey }) {
    const client = new Replicate({ baseUrl: `${url}/v1`, auth: apiKey });
    return {
      ask: async (asking) => toSaid(await client.predictions.create({ model, input: toInput(asking), wait: true })),
      async *stream(asking) {
        const events = endWhenLeft((signal) => client.stream(model, { input: toInput(asking), signal }));
        for await (const { event, data } of events) {
          if (event === "output") yield { text: data };
          else if (event === "done") yield { finish: JSON.parse(data).reason ?? "succeeded" };
        }
      },
      async askLater(asking) {
        const begun = await client.predictions.create({ model, input: toInput(asking) });
        return [begun.status, toSaid(await client.wait(begun, { interval: 1 }))];
      },
      async takeBack(asking) {
        const begun = await client.predictions.create({ model, input: toInput(asking) });
        await client.predictions.cancel(begun.id);
        return (await client.predictions.get(begun.id)).status;
      },
      // A model of somebody's is asked for by the version of it.
      async draw(prompt) {
        const output = await client.run(`someone/painter:${versionOf(models.pictures)}`, { input: { prompt } });
        const [file] = Array.isArray(output) ? output : [];
        return Buffer.from(await new Response(file).arrayBuffer()).toString("base64");
      },
    };
  },
  isTooMany: (err) => isApiError(err) && err.response.status === 429,
};
