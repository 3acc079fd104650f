import type { OpenApiOptions } from "@lyss/kit/http/openapi.ts";
import manifest from "../package.json" with { type: "json" };
import { examplesByName } from "./open-api-examples.ts";

/** How the public API describes itself in its OpenAPI document. */
export const openApi = {
  title: "Lyss",
  version: manifest.version,
  securitySchemes: {
    bearer: { type: "http", scheme: "bearer" },
    apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
  },
  examples: examplesByName,
} satisfies OpenApiOptions;
