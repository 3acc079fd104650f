/** A function that models may call. `parameters` is a JSON schema, as it was written. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: string;
  /** Whether arguments have to fit the schema exactly; undefined for the model's own way. */
  readonly strict?: boolean;
}

/** An image as a data URL, or an address elsewhere. */
export interface Attachment {
  readonly name: string;
  readonly url: string;
  readonly detail?: "auto" | "low" | "high";
}

export interface Said {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** They are in no link. */
  readonly images?: readonly Attachment[];
}

export const parameterNames = ["temperature", "top_p", "max_tokens", "seed"] as const;
export type ParameterName = (typeof parameterNames)[number];
export const toolChoices = ["auto", "required", "none"] as const;
export const imageSizes = ["auto", "1024x1024", "1536x1024", "1024x1536"] as const;

/** All that is asked, of whom, and how: what a link carries and a prompt is saved from. It holds no secret. */
export interface SetUp {
  readonly kind: "chat" | "image";
  /** One to `maxModels`. Empty until the catalogue is known. */
  readonly models: readonly string[];
  readonly system: string;
  /** What was said before the message, as a prompt may have it. */
  readonly earlier: readonly Said[];
  readonly message: string;
  readonly tools: readonly Tool[];
  /** One of `toolChoices`, or `function:` and the name of a tool. */
  readonly toolChoice: string;
  /** As typed; empty for the model's own. */
  readonly parameters: Readonly<Record<ParameterName, string>>;
  /** JSON, as chat has it; empty for none. */
  readonly responseFormat: string;
  readonly imageSize: (typeof imageSizes)[number];
  readonly imageCount: number;
}

export const maxModels = 4;
export const maxTools = 16;
export const maxImageCount = 4;
/** Of a link's fragment: what mails and chats carry whole. */
export const maxFragmentLength = 8_000;
const maxUnpackedBytes = 200_000;
const maxEarlier = 100;
const fragmentName = "set-up";

export const emptySetUp: SetUp = {
  ...{
    kind: "chat",
    models: [],
    system: "",
    earlier: [],
    message: "",
    tools: [],
    toolChoice: "auto",
    responseFormat: "",
  },
  ...{ parameters: { temperature: "", top_p: "", max_tokens: "", seed: "" }, imageSize: "auto", imageCount: 1 },
};

/** `{{name}}`, as prompts have it (guides/prompts.md). */
const variable = /\{\{ *([A-Za-z_]\w{0,63}) *\}\}/g;

/** The variables in its texts, each once, in the order in which they stand. */
export function variablesOf({ kind, system, earlier, message }: SetUp): readonly string[] {
  const texts = kind === "image" ? [message] : [system, ...earlier.map(({ content }) => content), message];
  return [...new Set(texts.flatMap((text) => [...text.matchAll(variable)].map(([, name = ""]) => name)))];
}

/** A text with values in place of variables; one without a value stays as it is written. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(variable, (whole, name: string) => (Object.hasOwn(values, name) && values[name]) || whole);
}

/** What looks like a key to something: it does not go into a link. */
const secret =
  /\b(?:lyss_[\w-]{16,}|sk-[\w-]{16,}|gh[pousr]_\w{16,}|xox[abp]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.eyJ)/;

export type Link = { readonly fragment: string } | { readonly refusal: "too_long" | "secret" };

/** The set-up as the fragment of an address, which browsers send to no server. */
export async function toFragment(setUp: SetUp): Promise<Link> {
  const json = JSON.stringify(setUp);
  if (secret.test(json)) return { refusal: "secret" };
  const packed = await pipe(new TextEncoder().encode(json), new CompressionStream("deflate-raw"), maxUnpackedBytes);
  const fragment = packed && `#${fragmentName}=${toBase64Url(packed)}`;
  return fragment === undefined || fragment.length > maxFragmentLength ? { refusal: "too_long" } : { fragment };
}

/** What a fragment of somebody's says; undefined when it is none, or not whole. What does not fit is left out. */
export async function fromFragment(fragment: string): Promise<SetUp | undefined> {
  const start = `#${fragmentName}=`;
  if (!fragment.startsWith(start) || fragment.length > maxFragmentLength) return undefined;
  try {
    const packed = Uint8Array.from(
      atob(fragment.slice(start.length).replaceAll("-", "+").replaceAll("_", "/")),
      (letter) => letter.charCodeAt(0),
    );
    const bytes = await pipe(packed, new DecompressionStream("deflate-raw"), maxUnpackedBytes);
    return bytes && readSetUp(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function readSetUp(value: unknown): SetUp {
  const given = toFields(value);
  const tools = readTools(given["tools"]);
  const parameters = toFields(given["parameters"]);
  return {
    kind: oneOf(["chat", "image"], given["kind"]),
    models: toList(given["models"], maxModels).map(toText).filter(Boolean),
    system: toText(given["system"]),
    earlier: toList(given["earlier"], maxEarlier)
      .map(toFields)
      .map(({ role, content }) => ({ role: oneOf(["user", "assistant"], role), content: toText(content) })),
    message: toText(given["message"]),
    tools,
    toolChoice: oneOf([...toolChoices, ...tools.map(({ name }) => `function:${name}`)], given["toolChoice"]),
    responseFormat: isFormat(toText(given["responseFormat"])) ? toText(given["responseFormat"]) : "",
    parameters: {
      ...{ temperature: toText(parameters["temperature"]), top_p: toText(parameters["top_p"]) },
      ...{ max_tokens: toText(parameters["max_tokens"]), seed: toText(parameters["seed"]) },
    },
    imageSize: oneOf(imageSizes, given["imageSize"]),
    imageCount: Math.min(Math.max(Math.trunc(Number(given["imageCount"])) || 1, 1), maxImageCount),
  };
}

function readTools(value: unknown): readonly Tool[] {
  return toList(value, maxTools)
    .map(toFields)
    .map(({ name, description, parameters, strict }) => ({
      ...{ name: toText(name), description: toText(description), parameters: toText(parameters) },
      ...(typeof strict === "boolean" && { strict }),
    }))
    .filter(({ name, parameters }) => toolNamePattern.test(name) && readSchema(parameters) !== undefined);
}

function isFormat(text: string): boolean {
  try {
    return typeof toFields(JSON.parse(text))["type"] === "string";
  } catch {
    return false;
  }
}

/** A tool as chat has it. */
export function toFunction({ name, description, parameters, strict }: Tool) {
  const schema: Readonly<Record<string, unknown>> | undefined = readSchema(parameters) ?? { type: "object" };
  return {
    type: "function" as const,
    function: {
      name,
      ...(description !== "" && { description }),
      parameters: schema,
      ...(strict !== undefined && { strict }),
    } as {
      readonly name: string;
      readonly description?: string | undefined;
      readonly parameters?: Readonly<Record<string, unknown>> | undefined;
      readonly strict?: boolean | undefined;
    },
  };
}

/** A choice among tools as chat has it. */
export function toChoice(choice: string) {
  const [, name] = /^function:(.+)$/.exec(choice) ?? [];
  return name === undefined ? oneOf(toolChoices, choice) : { type: "function" as const, function: { name } };
}

/** A parameter as the API takes it; undefined where the model's own counts. */
export function toNumber(parameters: SetUp["parameters"], name: ParameterName): number | undefined {
  const text = parameters[name].trim();
  return text === "" ? undefined : Number(text);
}

/** What vendors take for a function's name. */
export const toolNamePattern = /^[A-Za-z0-9_-]{1,64}$/;

/** A JSON schema of an object, out of its text; undefined when it is none. */
export function readSchema(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const schema: unknown = JSON.parse(text);
    const isObject = typeof schema === "object" && schema !== null && "type" in schema && schema.type === "object";
    return isObject ? (schema as unknown as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function toFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function toList(value: unknown, max: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, max) : [];
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function oneOf<Value extends string>(known: readonly [Value, ...(readonly Value[])], value: unknown): Value {
  return known.find((one) => one === value) ?? known[0];
}

/** What comes out at the end; undefined when that is more than `max` bytes. */
async function pipe(
  bytes: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = new Blob([bytes]).stream().pipeThrough(through).getReader();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    length += next.value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return undefined;
    }
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
