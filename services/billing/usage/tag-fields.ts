import { isTagKey, maxTagsLength, parseTags, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import type { TagGroup } from "../model.ts";

const rule = inBothLanguages(`must be ${tagsRule.en_US}`, `必须是${tagsRule.zh_CN}`);

/** Tags from a peer, which has put them in order. */
export const tagsInput = z
  .string()
  .max(maxTagsLength)
  .refine((text) => text === "" || parseTags(text) === text, rule);

/** Tags of a query, all of which a call must have. */
export const tagFilter = z
  .string()
  .max(2 * maxTagsLength)
  .refine((text) => Boolean(parseTags(text)), rule)
  .transform((text) => parseTags(text) ?? "")
  .optional()
  .describe("Only calls with these tags, such as team=search,env=prod.");

const prefix = "tag:";

/** True for `tag:` and the key of a tag. */
export function isTagGroup(name: string): name is TagGroup {
  return name.startsWith(prefix) && isTagKey(name.slice(prefix.length));
}

/** The key of the tag by which sums are told apart. */
export function tagKeyOf(group: TagGroup): string {
  return group.slice(prefix.length);
}
