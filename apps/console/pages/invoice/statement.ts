import type { GetStatementResponse } from "../../api/gen/client.ts";

/** What an invoice and a statement have in common. */
export type Statement = Omit<GetStatementResponse, "object">;
