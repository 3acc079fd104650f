import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export const maxTextLength = 200_000;
/** Of all images together, as characters of their addresses: what a request of this API may hold besides its texts. */
const maxImagesLength = 700_000;

const imageUrl = z
  .string()
  .max(maxImagesLength)
  .regex(
    /^(?:https:\/\/\S+|data:image\/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*)$/,
    inBothLanguages(
      "must be an address that begins with https://, or a data URL of a PNG, JPEG, WebP or GIF image",
      "必须是以 https:// 开头的地址，或 PNG、JPEG、WebP、GIF 图片的 data URL",
    ),
  );

const partSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string().min(1).max(maxTextLength) }),
  z.strictObject({
    type: z.literal("image_url"),
    image_url: z.strictObject({ url: imageUrl, detail: z.enum(["auto", "low", "high"]).optional() }),
  }),
]);

type PromptPart = z.output<typeof partSchema>;
type Content = string | PromptPart[];

const messageSchema = z
  .strictObject({
    role: z.enum(["system", "developer", "user", "assistant"]),
    content: z
      .union([z.string().min(1).max(maxTextLength), z.array(partSchema).min(1).max(20)])
      .describe("A text, or texts and images; `{{name}}` in a text stands for a variable."),
  })
  .refine(
    ({ role, content }) => role === "user" || imagesLengthOf(content) === 0,
    inBothLanguages("may have images only where role is user", "仅 role 为 user 时可以包含图片"),
  );

export type PromptMessage = z.output<typeof messageSchema>;

export const messagesSchema = z
  .array(messageSchema)
  .min(1)
  .max(100)
  .refine(
    (messages) => sum(messages, ({ content }) => textsOf(content).join("").length) <= maxTextLength,
    inBothLanguages(`must hold at most ${maxTextLength} characters together`, `合计不得超过 ${maxTextLength} 个字符`),
  )
  .refine(
    (messages) => sum(messages, ({ content }) => imagesLengthOf(content)) <= maxImagesLength,
    inBothLanguages(
      `must have images of at most ${maxImagesLength} characters together`,
      `图片合计不得超过 ${maxImagesLength} 个字符`,
    ),
  );

/** Every text in it, in order. */
export function textsOf(content: Content): readonly string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((part) => (part.type === "text" ? [part.text] : []));
}

/** The same with every text changed; images stay. */
export function mapTexts(content: Content, change: (text: string) => string): Content {
  if (typeof content === "string") return change(content);
  return content.map((part) => (part.type === "text" ? { ...part, text: change(part.text) } : part));
}

/** As Anthropic's dialect has it. */
export function toAnthropicContent(content: Content): string | readonly object[] {
  if (typeof content === "string") return content;
  return content.map((part) => {
    if (part.type === "text") return part;
    const [, mediaType, data] = /^data:(image\/\w+);base64,(.*)$/s.exec(part.image_url.url) ?? [];
    const source =
      data === undefined ? { type: "url", url: part.image_url.url } : { type: "base64", media_type: mediaType, data };
    return { type: "image", source };
  });
}

/** As the Responses API has it. */
export function toResponsesContent({ role, content }: PromptMessage): string | readonly object[] {
  if (typeof content === "string") return content;
  const type = role === "assistant" ? "output_text" : "input_text";
  return content.map((part) =>
    part.type === "text"
      ? { type, text: part.text }
      : { type: "input_image", image_url: part.image_url.url, detail: part.image_url.detail ?? "auto" },
  );
}

function imagesLengthOf(content: Content): number {
  if (typeof content === "string") return 0;
  return sum(content, (part) => (part.type === "image_url" ? part.image_url.url.length : 0));
}

function sum<Item>(items: readonly Item[], amountOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}
