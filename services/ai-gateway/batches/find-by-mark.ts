import { fieldOf } from "../dialects/openai/usage.ts";
import type { createAccountClient } from "./account-client.ts";

const maxPages = 10;

/** The thing of a list of OpenAI's form that bears a mark in its metadata, if it was made: among the newest thousand. */
export async function findByMark(
  ask: ReturnType<typeof createAccountClient>["ask"],
  endpoint: string,
  { name, mark }: { readonly name: string; readonly mark: string },
): Promise<unknown> {
  for (let page = 0, after = ""; page < maxPages; page++) {
    const listed = await ask({ method: "GET", endpoint: `${endpoint}?limit=100${after && `&after=${after}`}` });
    const data = fieldOf(listed, "data");
    const things: readonly unknown[] = Array.isArray(data) ? data : [];
    const found = things.find((thing) => fieldOf(fieldOf(thing, "metadata"), name) === mark);
    const last = fieldOf(things.at(-1), "id");
    if (found || fieldOf(listed, "has_more") !== true || typeof last !== "string") return found;
    after = encodeURIComponent(last);
  }
  return undefined;
}
