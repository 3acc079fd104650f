import { z } from "zod";
import { callRoute, modelField, type Place, streamField } from "./call-routes.ts";

const form = { bodyType: "multipart/form-data" } as const;
const file = (description: string) =>
  z
    .string()
    .describe(description)
    .meta({ format: "binary", examples: ["…"] });
const image = file("One image, or with `image[]` several.");
const promptField = z.string().describe("What is to be seen.");
const countField = z.int().min(1).max(128).optional().describe("How many images; 1 unless given, and with `stream`.");
const transcripts = ["text/plain", "text/event-stream"] as const;

/** Sounds and images in OpenAI's dialect. What is not named here reaches the provider unchanged. */
export function mediaRoutes(place: Place) {
  return [
    callRoute(place, "speech", "/audio/speech", {
      operation: "createSpeech",
      summary: "Speaks a text: a sound in the format that is asked for, or events with `stream_format: sse`.",
      files: ["audio/mpeg", "audio/wav", "application/octet-stream", "text/event-stream"],
      body: z.looseObject({
        model: modelField,
        input: z.string(),
        voice: z.unknown().meta({ examples: ["alloy"] }),
        response_format: z.string().optional().describe("Such as `mp3`, which it usually is, or `wav`."),
        stream_format: z.enum(["audio", "sse"]).optional(),
      }),
    }),
    callRoute(place, "transcriptions", "/audio/transcriptions", {
      ...form,
      operation: "createTranscription",
      summary:
        "Writes down what is said in a sound: JSON, text or subtitles by `response_format`, events with `stream`.",
      files: transcripts,
      body: z.looseObject({ model: modelField, file: file("The sound."), stream: streamField }),
    }),
    callRoute(place, "translations", "/audio/translations", {
      ...form,
      operation: "createTranslation",
      summary: "Writes down in English what is said in a sound.",
      files: transcripts,
      body: z.looseObject({ model: modelField, file: file("The sound.") }),
    }),
    callRoute(place, "imageGenerations", "/images/generations", {
      operation: "createImage",
      summary: "Makes images from a text; with `stream` also those that are not finished.",
      files: ["text/event-stream"],
      body: z.looseObject({ model: modelField, prompt: promptField, n: countField, stream: streamField }),
    }),
    callRoute(place, "imageEdits", "/images/edits", {
      ...form,
      operation: "createImageEdit",
      summary: "Makes images from others and a text.",
      files: ["text/event-stream"],
      body: z.looseObject({ model: modelField, image, prompt: promptField, n: countField, stream: streamField }),
    }),
    callRoute(place, "imageVariations", "/images/variations", {
      ...form,
      operation: "createImageVariation",
      summary: "Makes images that are like another.",
      body: z.looseObject({ model: modelField, image, n: countField }),
    }),
  ];
}
