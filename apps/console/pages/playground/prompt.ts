import {
  type Attachment,
  emptySetUp,
  readSchema,
  type Said,
  type SetUp,
  type Tool,
  toChoice,
  toFunction,
  toNumber,
} from "./set-up.ts";

interface Image {
  readonly type: "image_url";
  readonly image_url: { readonly url: string; readonly detail?: "auto" | "low" | "high" | undefined };
}
type Part = { readonly type: "text"; readonly text: string } | Image;
type Content = string | readonly Part[];

/** A prompt as the API has it, as far as the playground knows of it. */
export interface Prompt {
  readonly messages: readonly {
    readonly role: "system" | "developer" | "user" | "assistant";
    readonly content: Content;
  }[];
  readonly model?: string | undefined;
  readonly parameters?:
    | {
        readonly temperature?: number | undefined;
        readonly top_p?: number | undefined;
        readonly max_tokens?: number | undefined;
        readonly seed?: number | undefined;
      }
    | undefined;
  readonly tools?: readonly ReturnType<typeof toFunction>[] | undefined;
  readonly tool_choice?: ReturnType<typeof toChoice> | undefined;
  readonly response_format?: { readonly type: string } | undefined;
}

/** What stands in the playground, and the images beside its message. */
export interface Opened {
  readonly setUp: SetUp;
  readonly images: readonly Attachment[];
}

const instructions: readonly string[] = ["system", "developer"];

/** What is asked as a prompt of the first model. */
export function toPrompt({ setUp, images }: Opened) {
  const { system, earlier, message, models, tools, toolChoice, parameters, responseFormat } = setUp;
  const [model] = models;
  const said = [
    { role: "system" as const, content: system as Content },
    ...earlier.map(({ role, content, images: shown = [] }) => ({ role, content: toContent(content, shown) })),
    { role: "user" as const, content: toContent(message, images) },
  ];
  const [temperature, top_p, max_tokens, seed] = (["temperature", "top_p", "max_tokens", "seed"] as const).map((name) =>
    toNumber(parameters, name),
  );
  return {
    messages: said.filter(({ content }) => typeof content !== "string" || content.trim() !== ""),
    ...(model !== undefined && { model }),
    parameters: { temperature, top_p, max_tokens, seed },
    ...(tools.length > 0 && { tools: tools.map(toFunction), tool_choice: toChoice(toolChoice) }),
    ...(responseFormat !== "" && { response_format: JSON.parse(responseFormat) as { readonly type: string } }),
  };
}

/** What a prompt asks, as it was saved. */
export function fromPrompt({ messages, model, parameters = {}, tools = [], ...rest }: Prompt): Opened {
  const said = messages.filter(({ role }) => !instructions.includes(role));
  const last = said.at(-1)?.role === "user" ? said.at(-1) : undefined;
  const typed = (value: number | undefined) => (value === undefined ? "" : String(value));
  const { tool_choice: choice, response_format: format } = rest;
  const system = messages.filter(({ role }) => instructions.includes(role)).map(({ content }) => textOf(content));
  const setUp: SetUp = {
    ...emptySetUp,
    models: model === undefined ? [] : [model],
    system: system.join("\n\n"),
    earlier: (last ? said.slice(0, -1) : said).map(({ role, content }): Said => {
      const images = imagesOf(content);
      return {
        ...{ role: role === "assistant" ? "assistant" : "user", content: textOf(content) },
        ...(images.length > 0 && { images }),
      };
    }),
    message: last ? textOf(last.content) : "",
    tools: tools.map(toTool),
    toolChoice:
      choice === undefined ? "auto" : typeof choice === "string" ? choice : `function:${choice.function.name}`,
    parameters: {
      ...{ temperature: typed(parameters.temperature), top_p: typed(parameters.top_p) },
      ...{ max_tokens: typed(parameters.max_tokens), seed: typed(parameters.seed) },
    },
    responseFormat: format === undefined ? "" : JSON.stringify(format),
  };
  return { setUp, images: last ? imagesOf(last.content) : [] };
}

/** A message as chat has it: a text, or a text and images. */
export function toContent(text: string, images: readonly Attachment[]): Content {
  if (images.length === 0) return text;
  return [
    ...(text.trim() === "" ? [] : [{ type: "text" as const, text }]),
    ...images.map(({ url, detail }): Part => ({ type: "image_url", image_url: { url, ...(detail && { detail }) } })),
  ];
}

function textOf(content: Content): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

function imagesOf(content: Content): readonly Attachment[] {
  if (typeof content === "string") return [];
  const images = content.flatMap((part) => (part.type === "image_url" ? [part.image_url] : []));
  return images.map(({ url, detail }, at) => ({ name: String(at + 1), url, ...(detail && { detail }) }));
}

function toTool({
  function: { name, description = "", parameters = { type: "object" }, strict },
}: ReturnType<typeof toFunction>): Tool {
  const schema = JSON.stringify(parameters, null, 2);
  return {
    ...{
      name,
      description,
      parameters: readSchema(schema) ? schema : JSON.stringify({ type: "object", ...parameters }),
    },
    ...(strict !== undefined && { strict }),
  };
}
