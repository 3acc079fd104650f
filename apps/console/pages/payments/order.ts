import type { ListAllTopUpOrdersResponse } from "../../api/gen/client.ts";

/** A payment of an organisation's, begun or ended. */
export type Order = ListAllTopUpOrdersResponse["data"][number];
