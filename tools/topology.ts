import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyService } from "@lyss/kit/service/define-service.ts";
import { checkGraph } from "@lyss/kit/service/graph.ts";
import type { GeneratedFiles } from "./generated.ts";
import type { Problem } from "./source-tree.ts";

/** Where every service of the program is listed. */
export const servicesPath = "apps/platform/services.ts";

const topologyPath = "docs/topology.md";

/** The definitions that the program is made of, as they stand in the file now. */
export async function loadServices(root: string): Promise<readonly AnyService[]> {
  const path = join(root, servicesPath);
  if (!existsSync(path)) throw new Error(`${servicesPath} is missing: it exports the list of services`);
  const loaded: { readonly services: readonly AnyService[] } = await import(pathToFileURL(path).href);
  return loaded.services;
}

/**
 * What is wrong between services: one that is not listed or listed under another name, a need that nobody meets, an
 * event that nobody or more than one publishes, and calls that lead back to where they began. `folders` are the names
 * of the folders under `services/`.
 */
export function findTopologyProblems(services: readonly AnyService[], folders: readonly string[]): readonly Problem[] {
  const names = services.map(({ name }) => name);
  const publishers = Map.groupBy(
    services.flatMap(({ name, publishes }) => publishes.map(({ type }) => ({ name, type }))),
    ({ type }) => type,
  );
  const messages = [
    ...folders.filter((name) => !names.includes(name)).map((name) => `services/${name} is not in the list`),
    ...names.filter((name) => !folders.includes(name)).map((name) => `${name} has no folder services/${name}`),
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} stands in the list twice`),
    ...services.flatMap(({ name, hears }) =>
      hears
        .filter(({ type }) => !publishers.has(type))
        .map(({ type }) => `${name} hears ${type}, which nobody publishes`),
    ),
    ...[...publishers]
      .filter(([, said]) => said.length > 1)
      .map(([type, said]) => `${type} has one owner, not ${said.map(({ name }) => name).join(" and ")}`),
    ...checkGraph(services, [], {}).problems.map(({ message }) => message),
  ];
  return messages.map((message) => ({ path: servicesPath, line: 0, message }));
}

/** docs/topology.md as the definitions say it now. */
export async function generateTopology(root: string): Promise<GeneratedFiles> {
  return { texts: new Map([[topologyPath, renderTopology(await loadServices(root))]]), folders: [] };
}

/** Who calls, publishes and hears whom, as a page. The same definitions in any order give the same text. */
export function renderTopology(services: readonly AnyService[]): string {
  const sorted = [...services].sort((a, b) => compare(a.name, b.name));
  const publisherByType = new Map(sorted.flatMap(({ name, publishes }) => publishes.map(({ type }) => [type, name])));
  const nodes = sorted.map(({ name }) => `  ${name}`);
  const calls = sorted.flatMap(({ name, needs }) =>
    sortWords(Object.keys(needs)).map((need) => `  ${name} --> ${need}`),
  );
  const hearings = sorted.flatMap(({ name, hears }) =>
    sortWords(hears.map(({ type }) => type)).map(
      (type) => `  ${publisherByType.get(type) ?? "nobody"} -.->|${type}| ${name}`,
    ),
  );
  const doors = sorted.filter(({ servesRoutes }) => servesRoutes).map(({ name }) => `  clients([clients]) ==> ${name}`);
  const rows = sorted.map(({ name, routes, needs, publishes, hears }) =>
    [
      "",
      `[${name}](../services/${name}/README.md)`,
      String(routes.length),
      list(Object.keys(needs)),
      list(publishes.map(({ type }) => type)),
      list(hears.map(({ type }) => type)),
      "",
    ]
      .join(" | ")
      .trim(),
  );
  return `# Topology

Written by \`npm run gen\` from the service definitions. A thick arrow is HTTP from outside, passed on to every
service that has routes; a thin one is a call, a dotted one an event.

\`\`\`mermaid
flowchart LR
${[...doors, ...nodes, ...calls, ...hearings].join("\n")}
\`\`\`

| service | routes | calls | publishes | hears |
| --- | ---: | --- | --- | --- |
${rows.join("\n")}
`;
}

function list(words: readonly string[]): string {
  return words.length === 0 ? "–" : sortWords(words).join(", ");
}

function sortWords(words: readonly string[]): readonly string[] {
  return [...words].sort(compare);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
