import type { CreateGroupResponse } from "../../api/gen/client.ts";

/** A group as it is. */
export type Group = CreateGroupResponse;
