import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { toChatEvent } from "../chat-chunks.ts";
import { openAiWire } from "../openai.ts";
import { parseData } from "../read-answer.ts";
import type { Wire, WireProvider, WireStream } from "../wire.ts";

/** The newest that is generally available (learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle). */
const defaultVersion = "2024-10-21";

function placeOf(deployment: string, endpoint: string, { apiVersion = "" }: WireProvider): string {
  const version = encodeURIComponent(apiVersion || defaultVersion);
  return `/deployments/${encodeURIComponent(deployment)}${endpoint}?api-version=${version}`;
}

/** A token of Microsoft Entra ID is a JWT; a key of the resource is not. */
const jwt = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Azure OpenAI's dated API, in which a model is a deployment that the path names (learn.microsoft.com/azure/ai-foundry/openai/reference). Its newer
 * `/openai/v1` is OpenAI's own form and needs no wire.
 */
export const azureWire: Wire = {
  ...openAiWire,
  // What is asked of a deployment with an empty body is refused, but only after the key was looked at.
  probe: {
    method: "POST",
    toEndpoint: (model, provider) => placeOf(model, "/chat/completions", provider),
    body: Buffer.from("{}"),
    accepted: [400],
  },
  draft(request, model, provider = {}) {
    const drafted = openAiWire.draft(request, model, provider);
    return { ...drafted, endpoint: placeOf(model.upstreamName, drafted.endpoint, provider) };
  },
  toHeaders(secret) {
    if (secret === "") return {};
    return jwt.test(secret) ? { authorization: `Bearer ${secret}` } : { "api-key": secret };
  },
  createStream: createAzureStream,
};

/**
 * A stream begins with a chunk without choices, which has what a filter says of the prompt, and has choices without a `delta`; clients of OpenAI
 * stumble over both. What the filter says is told with the next chunk, and a missing `delta` is an empty one.
 */
function createAzureStream(): WireStream {
  let held: object = {};

  function amend(event: SseEvent, json: object): SseEvent {
    const choices: unknown = fieldOf(json, "choices");
    if (!Array.isArray(choices)) return event;
    const isWhole = choices.every((choice) => fieldOf(choice, "delta") !== undefined);
    if (isWhole && Object.keys(held).length === 0) return event;
    const amended = choices.map((choice) => ({ delta: {}, ...Object(choice) }));
    const more = held;
    held = {};
    return toChatEvent({ ...json, ...more, choices: amended });
  }

  return {
    read(event) {
      // Most chunks need nothing, and are not parsed twice.
      const isPlain = event.data === undefined || (event.data.includes('"delta"') && Object.keys(held).length === 0);
      const json = isPlain ? undefined : parseData(event.data);
      const choices = fieldOf(json, "choices");
      if (typeof json !== "object" || json === null || !Array.isArray(choices)) return [event];
      const { prompt_filter_results: filtered, usage } = json as { prompt_filter_results?: unknown; usage?: unknown };
      if (choices.length === 0 && !usage) {
        if (filtered !== undefined) held = { prompt_filter_results: filtered };
        return [];
      }
      return [amend(event, json)];
    },
  };
}
