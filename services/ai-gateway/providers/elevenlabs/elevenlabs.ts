import { withFields } from "../../surfaces/multipart.ts";
import { asItComes } from "../openai.ts";
import { countCharactersIn } from "../sounds/count-in-head.ts";
import { readTranscription } from "../sounds/read-transcription.ts";
import { writeTranscript } from "../sounds/write-transcript.ts";
import type { Wire } from "../wire.ts";
import { toHeard } from "./from-transcription.ts";
import { toSpeechRequest } from "./to-speech-request.ts";

/** ElevenLabs' API: text to speech, and speech to text (elevenlabs.io/docs/api-reference). */
export const elevenLabsWire: Wire = {
  surfaces: ["speech", "transcriptions"],
  probe: { method: "GET", toEndpoint: () => "/v1/models", accepted: [200] },
  draft(request, model, provider) {
    if (request.surface === "speech") {
      const { endpoint, body } = toSpeechRequest(request, model, provider);
      const bytes = Buffer.from(JSON.stringify(body));
      return { endpoint, headers: { accept: "*/*" }, toBody: () => bytes };
    }
    const asked = readTranscription(request, provider);
    const { form, file, language, temperature } = asked;
    const fields = {
      // OpenAI's models leave out what is no word.
      ...{ model_id: model.upstreamName, timestamps_granularity: "word", tag_audio_events: "false" },
      ...(language !== undefined && { language_code: language }),
      ...(temperature !== undefined && { temperature: String(temperature) }),
    };
    const body = withFields(form, fields, file);
    return {
      endpoint: "/v1/speech-to-text",
      headers: { "content-type": form.contentType },
      toBody: () => body,
      toAnswer(received, json) {
        const heard = toHeard(json);
        return heard ? writeTranscript(heard, asked) : { body: received, json: null };
      },
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { "xi-api-key": secret }),
  readHead: countCharactersIn("character-cost", "x-character-count"),
  toAnswer: (body, json) => ({ body, json }),
  createStream: () => asItComes,
};
