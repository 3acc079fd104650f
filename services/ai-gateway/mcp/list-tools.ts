import { decodeCursor, encodeCursor } from "@lyss/kit/http/page.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { mayCall, toolNameOf } from "./mcp-server.ts";

const pageSize = 200;

/** A page of what a caller may call, by name, and where the next begins. A server that does not answer hides no other's tools. */
export async function listTools(
  { mcpCatalog, toolBook }: AiGatewayDeps,
  { tenantId, models }: Caller,
  cursor: string | undefined,
) {
  const [after = ""] = decodeCursor(cursor, 1) ?? [];
  const lists = await Promise.all(
    mcpCatalog.list(tenantId).map(async (server) => {
      // Said in the log, and by `GET /api/v1/ai/mcp-servers/{name}/tools`.
      const { tools } = await toolBook.listOf(server).catch(() => ({ tools: [] }));
      return tools.map((tool) => ({ ...tool, name: toolNameOf(server, tool.name) }));
    }),
  );
  const all = lists.flat().filter(({ name }) => name > after && mayCall(models, name));
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const tools = all.slice(0, pageSize);
  const last = tools.at(-1);
  return { tools, ...(all.length > pageSize && last && { nextCursor: encodeCursor([last.name]) }) };
}
