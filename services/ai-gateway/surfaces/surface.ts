/** What goes upstream: each kind of call has an endpoint of its own. Operations are named as OpenTelemetry has them, where it does. */
export const surfaces = {
  chat: { endpoint: "/chat/completions", operation: "chat" },
  completions: { endpoint: "/completions", operation: "text_completion" },
  embeddings: { endpoint: "/embeddings", operation: "embeddings" },
  moderations: { endpoint: "/moderations", operation: "moderation" },
  rerank: { endpoint: "/rerank", operation: "rerank" },
  speech: { endpoint: "/audio/speech", operation: "speech" },
  transcriptions: { endpoint: "/audio/transcriptions", operation: "transcription" },
  translations: { endpoint: "/audio/translations", operation: "translation" },
  imageGenerations: { endpoint: "/images/generations", operation: "image_generation" },
  imageEdits: { endpoint: "/images/edits", operation: "image_edit" },
  imageVariations: { endpoint: "/images/variations", operation: "image_variation" },
} as const;
export type Surface = keyof typeof surfaces;
export type MediaSurface = Extract<Surface, "speech" | "transcriptions" | "translations" | `image${string}`>;

/** True where a model writes text, of which a limit decides how much. */
export function writesText(surface: Surface): boolean {
  return surface === "chat" || surface === "completions";
}

/** True for sounds and images, whichever way they go. */
export function isMedia(surface: Surface): surface is MediaSurface {
  return isSpoken(surface) || surface === "speech" || makesImages(surface);
}

export function makesImages(surface: Surface): boolean {
  return surface.startsWith("image");
}

/** True where `stream` in a request asks for events. */
export function mayStream(surface: Surface): boolean {
  return (
    writesText(surface) || surface === "transcriptions" || surface === "imageGenerations" || surface === "imageEdits"
  );
}

/** True where a sound becomes text. */
export function isSpoken(surface: Surface): boolean {
  return surface === "transcriptions" || surface === "translations";
}
