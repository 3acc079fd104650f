import type { ListRolesResponse } from "../../api/gen/client.ts";

/** A role as lists show it. */
export type Role = ListRolesResponse["data"][number];
