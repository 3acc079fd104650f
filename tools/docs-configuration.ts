import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { listConfigReference, toReferenceTable } from "@lyss/kit/config/config-reference.ts";
import type { ConfigSections } from "@lyss/kit/service/define-service.ts";
import type { GeneratedFiles } from "./generated.ts";
import { loadServices } from "./topology.ts";

const configurationPath = "docs/configuration.md";

interface PlatformConfigModule {
  readonly platformConfig: ConfigSections;
  readonly reservedVariables: readonly string[];
}

/** docs/configuration.md: every key that the process and its services read. */
export async function generateConfigurationDocs(root: string): Promise<GeneratedFiles> {
  const services = await loadServices(root);
  const platform: PlatformConfigModule = await import(pathToFileURL(join(root, "apps/platform/config.ts")).href);
  const text = renderConfiguration(platform.platformConfig, services, platform.reservedVariables);
  return { texts: new Map([[configurationPath, text]]), folders: [] };
}

/** The page: the process's own keys, then those of each service that has any, by name. */
export function renderConfiguration(
  platform: ConfigSections,
  services: readonly { readonly name: string; readonly config: ConfigSections }[],
  reservedVariables: readonly string[],
): string {
  const owners = services
    .filter(({ config }) => Object.keys(config).length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts = [{ name: "The process", config: platform }, ...owners].map(
    ({ name, config }) => `## ${name}\n\n${toReferenceTable(listConfigReference(config))}\n`,
  );
  const reserved = reservedVariables.map((name) => `\`${name}\``).join(", ");
  return `# Configuration

Written by \`npm run gen\` from the schemas in \`apps/platform/config.ts\` and \`services/*/config.ts\`.

A value comes from the first of these that gives one: a flag of \`lyss up\`, an environment variable, the file, the default.
The file is the one named by \`--config\` or \`LYSS_CONFIG\`, else \`lyss.yaml\` in the working directory if there is one. A key
\`http.port\` is written in it as

\`\`\`yaml
http:
  port: 9000
\`\`\`

- A key that nobody knows, or a value that does not fit, stops the start: every mistake is named at once, with its place.
- \`{env: NAME}\` in the file stands for the variable NAME, which must be set then. An empty variable counts as not set.
- A variable of a list is separated by commas: \`LYSS_RUN=auth,billing\`. A map has a variable for each entry:
  \`LYSS_PEERS_AI_GATEWAY=http://10.0.0.7:7400\`.
- A key marked *Live* takes effect when the file changes; every other one at the next start
  ([guides/resilience.md](guides/resilience.md)).
- Secrets are never printed, neither in an error nor in the log.
- ${reserved} are variables of the command line and no keys.

${parts.join("\n")}`;
}
