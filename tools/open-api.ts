import { createOpenApiDocument } from "@lyss/kit/http/openapi.ts";
import { openApi } from "@lyss/services/api-gateway/open-api.ts";
import type { GeneratedFiles } from "./generated.ts";
import { loadServices } from "./topology.ts";

const documentPath = "contracts/openapi.json";

/** The OpenAPI document of every route, as one process that hosts all services would answer it. */
export async function generateOpenApi(root: string): Promise<GeneratedFiles> {
  const services = await loadServices(root);
  const mounted = services.map(({ name, routes }) => ({ name, routes, ops: undefined, peerUrl: undefined }));
  const document = createOpenApiDocument(mounted, openApi);
  return { texts: new Map([[documentPath, `${JSON.stringify(document, undefined, 2)}\n`]]), folders: [] };
}
