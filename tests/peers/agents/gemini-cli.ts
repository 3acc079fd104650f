import type { Agent } from "./agent.ts";

const settings = {
  security: { auth: { selectedType: "gemini-api-key" } },
  privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
};

export const geminiCli: Agent = {
  ...{ package: "@google/gemini-cli", name: "Gemini CLI", program: "@google/gemini-cli/bundle/gemini.js" },
  start: ({ url, apiKey }, { model, prompt, asEvents = false }) => ({
    args: ["--prompt", prompt, "--model", model, ...(asEvents ? ["--output-format", "stream-json"] : [])],
    env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: apiKey, GEMINI_CLI_TRUST_WORKSPACE: "true" },
    settings: { ".gemini/settings.json": JSON.stringify(settings) },
  }),
  piecesOf: (events) => events.flatMap(({ type, role, content }) => (isSaid(type, role) ? [String(content)] : [])),
  answerIn: (events) => events.flatMap(({ type, role, content }) => (isSaid(type, role) ? [content] : [])).join(""),
};

function isSaid(type: unknown, role: unknown): boolean {
  return type === "message" && role === "assistant";
}
