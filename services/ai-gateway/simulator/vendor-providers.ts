import type { ProviderDialect } from "../model.ts";

/** How the simulated provider is named to a gateway when it is to be spoken to as another vendor is. */
export interface VendorProvider {
  readonly name: string;
  readonly dialect: ProviderDialect;
  /** Of the base URL, below the simulator's own. */
  readonly path: string;
  /** What the name of a simulated model begins with there. */
  readonly modelPrefix: string;
  /** What the gateway is given as the key, for the simulator's own. */
  toSecret(apiKey: string): string;
}

const plain = { modelPrefix: "", toSecret: (apiKey: string) => apiKey };
const project = "/v1/projects/simulated/locations/global";

/** Every wire that the simulated provider speaks. */
export const vendorProviders: readonly VendorProvider[] = [
  { ...plain, name: "openai", dialect: "openai", path: "/v1" },
  { ...plain, name: "responses", dialect: "responses", path: "/v1" },
  { ...plain, name: "anthropic", dialect: "anthropic", path: "/v1" },
  { ...plain, name: "gemini", dialect: "gemini", path: "/v1beta" },
  { ...plain, name: "vertex", dialect: "vertex", path: project },
  { ...plain, name: "vertex-anthropic", dialect: "vertex", path: project, modelPrefix: "claude-" },
  { ...plain, name: "bedrock", dialect: "bedrock", path: "", toSecret: (apiKey) => `AKIDEXAMPLE:${apiKey}` },
  {
    ...{ name: "bedrock-anthropic", dialect: "bedrock", path: "", modelPrefix: "anthropic.claude-" },
    toSecret: (apiKey) => `AKIDEXAMPLE:${apiKey}`,
  },
  { ...plain, name: "bedrock-key", dialect: "bedrock", path: "" },
  { ...plain, name: "azure", dialect: "azure", path: "/openai" },
  { ...plain, name: "cohere", dialect: "cohere", path: "" },
];

/** Its models take one prompt and call no tools; apart from the others, who do what a chat can ask. */
export const replicateProvider: VendorProvider = {
  ...{ ...plain, name: "replicate", dialect: "replicate", path: "/v1", modelPrefix: "openai/" },
};
