import type { CallRequest } from "../call/read-request.ts";
import { isAbsent, readText } from "../dialects/request-fields.ts";
import { makesImages } from "../surfaces/surface.ts";

/** What an image is like that is asked for, as its provider calls it. */
export interface ImageForm {
  readonly size: string;
  readonly quality: string;
}

/** Images of a size, a quality, or both. */
export type SomeImages = { readonly [Part in keyof ImageForm]?: ImageForm[Part] | undefined };

/** What is meant where a request does not say (platform.openai.com/docs/api-reference/images/create). */
const usual: ImageForm = { size: "1024x1024", quality: "standard" };
const longest = 40;

/** What a call's images are to be like; undefined for one that makes none. Throws `invalid_request`. */
export function imageFormOf({ surface, json }: Pick<CallRequest, "surface" | "json">): ImageForm | undefined {
  if (!makesImages(surface)) return undefined;
  const read = (name: keyof ImageForm) =>
    isAbsent(json[name]) ? usual[name] : readText(json[name], name).slice(0, longest);
  return { size: read("size"), quality: read("quality") };
}

/** Under what the price of such images stands in the price book: what is left out of it is for all. */
export function toImagePriceName(model: string, { size, quality }: SomeImages): string {
  return `${model}#${[quality, size].filter((part) => part !== undefined).join("/")}`;
}

/** Names of the prices that fit such images, the nearest first; behind them comes the model's own. */
export function imagePriceNames(model: string, { size, quality }: ImageForm): readonly string[] {
  return [{ size, quality }, { size }, { quality }].map((form) => toImagePriceName(model, form));
}
