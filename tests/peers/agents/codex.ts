import type { Agent } from "./agent.ts";

/** Telemetry, news and lists of plugins are no part of what is tried. */
const quiet = `
web_search = "disabled"
check_for_update_on_startup = false
analytics.enabled = false
features.plugins = false
features.apps = false
`;

function createCodex(name: string, settings: (url: string) => string, keyVariable: string): Agent {
  return {
    ...{ package: "@openai/codex", name, program: "@openai/codex/bin/codex.js" },
    start: ({ url, apiKey }, { model, prompt, asEvents = false }) => ({
      args: [
        // What is asked of it here is harmless, and a machine may not let it build a sandbox of its own.
        ...["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
        ...[...(asEvents ? ["--json"] : []), "--model", model, prompt],
      ],
      env: { [keyVariable]: apiKey },
      settings: { ".codex/config.toml": `${quiet}${settings(url)}` },
    }),
    answerIn: (events) => events.findLast(({ item }) => item?.type === "agent_message")?.item.text ?? "",
  };
}

/** The provider that it comes with, at another base URL: it speaks over a WebSocket. */
export const codex = createCodex("Codex", (url) => `openai_base_url = "${url}/v1"\n`, "CODEX_API_KEY");

/** A provider that is written down: it speaks over HTTP. */
export const codexOverHttp = createCodex(
  "Codex, a provider of its own",
  (url) => `model_provider = "lyss"
model_providers.lyss = { name = "Lyss", base_url = "${url}/v1", env_key = "LYSS_API_KEY", wire_api = "responses" }
`,
  "LYSS_API_KEY",
);
