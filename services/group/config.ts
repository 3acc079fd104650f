import { searchTimeoutMs } from "@lyss/kit/db/search-within.ts";
import { z } from "zod";

/** Section `group` of the configuration. */
export const groupConfig = { group: z.strictObject({ searchTimeoutMs }).prefault({}) };
