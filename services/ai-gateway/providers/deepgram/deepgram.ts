import { unsupported } from "../../dialects/request-fields.ts";
import { mayDrop } from "../asked-fields.ts";
import { asItComes } from "../openai.ts";
import { countCharactersIn } from "../sounds/count-in-head.ts";
import { readTranscription } from "../sounds/read-transcription.ts";
import { writeTranscript } from "../sounds/write-transcript.ts";
import type { Wire } from "../wire.ts";
import { toHeard } from "./from-transcription.ts";
import { toSpeechRequest } from "./to-speech-request.ts";

/** Deepgram's API: transcripts of recorded sounds, and speech (developers.deepgram.com/reference). */
export const deepgramWire: Wire = {
  surfaces: ["speech", "transcriptions"],
  // What it knows of the key itself; models are listed to everybody.
  probe: { method: "GET", toEndpoint: () => "/v1/auth/token", accepted: [200] },
  draft(request, model, provider) {
    if (request.surface === "speech") {
      const { endpoint, body } = toSpeechRequest(request, model, provider);
      const bytes = Buffer.from(JSON.stringify(body));
      return { endpoint, headers: { accept: "*/*" }, toBody: () => bytes };
    }
    const asked = readTranscription(request, provider);
    const { form, file, language, temperature = 0 } = asked;
    if (temperature !== 0 && !mayDrop("temperature", provider)) throw unsupported("temperature");
    const query = new URLSearchParams({
      ...{ model: model.upstreamName, smart_format: "true" },
      ...(language === undefined ? { detect_language: "true" } : { language }),
    });
    const body = form.bytes.subarray(file.start, file.end);
    return {
      endpoint: `/v1/listen?${query}`,
      headers: { "content-type": "application/octet-stream" },
      toBody: () => body,
      toAnswer(received, json) {
        const heard = toHeard(json, language);
        return heard ? writeTranscript(heard, asked) : { body: received, json: null };
      },
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Token ${secret}` }),
  readHead: countCharactersIn("dg-char-count"),
  toAnswer: (body, json) => ({ body, json }),
  createStream: () => asItComes,
};
