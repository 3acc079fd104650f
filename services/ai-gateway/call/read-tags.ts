import type { IncomingMessage } from "node:http";
import { parseTags, type TagsText, tagsHeader, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { refuseField } from "./refuse-field.ts";

/** The header by which a model call is tagged, for the OpenAPI document. */
export const tagHeaders = { [tagsHeader]: `By what this call's usage is to be told apart: ${tagsRule.en_US}.` };

/** The tags of a call, from its header; empty without one. Throws `invalid_request` for what is none. */
export function readTags({ headers }: Pick<IncomingMessage, "headers">): TagsText {
  const said = headers[tagsHeader];
  if (said === undefined) return "";
  const tags = parseTags(String(said));
  if (tags !== undefined) return tags;
  throw refuseField(tagsHeader, `must be ${tagsRule.en_US}`, `必须是${tagsRule.zh_CN}`);
}
