/** What goes upstream: each kind of call has an endpoint of its own. The names are those of OpenTelemetry where it has one. */
export const surfaces = {
  chat: { endpoint: "/chat/completions", operation: "chat" },
  completions: { endpoint: "/completions", operation: "text_completion" },
  embeddings: { endpoint: "/embeddings", operation: "embeddings" },
  moderations: { endpoint: "/moderations", operation: "moderation" },
  rerank: { endpoint: "/rerank", operation: "rerank" },
} as const;
export type Surface = keyof typeof surfaces;

/** True where a model writes text, of which a limit decides how much. */
export function writesText(surface: Surface): boolean {
  return surface === "chat" || surface === "completions";
}
