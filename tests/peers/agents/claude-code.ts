import type { Agent } from "./agent.ts";

export const claudeCode: Agent = {
  ...{
    package: "@anthropic-ai/claude-code",
    name: "Claude Code",
    program: "@anthropic-ai/claude-code/cli-wrapper.cjs",
  },
  start: ({ url, apiKey }, { model, prompt, asEvents = false }) => ({
    args: [
      ...["--print", prompt, "--permission-mode", "acceptEdits"],
      ...(asEvents ? ["--output-format", "stream-json", "--verbose", "--include-partial-messages"] : []),
    ],
    env: {
      ...{ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: apiKey, ANTHROPIC_MODEL: model },
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
    settings: {},
  }),
  piecesOf: (events) => events.flatMap(({ event }) => (event?.delta?.type === "text_delta" ? [event.delta.text] : [])),
  answerIn: (events) => events.findLast(({ type }) => type === "result")?.result ?? "",
};
