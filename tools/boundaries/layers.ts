import type { ImportEdge } from "../imports.ts";

/** From the ground up: a file imports its own zone and what lies below. Anything not named here lies on top. */
const layers = ["kit", "contracts", "services", "apps"];

/** What is wrong with an import between layers, packages or services, if anything is. */
export function findLayerMessage({ from, to, specifier }: ImportEdge): string | undefined {
  const [fromZone, toZone] = [zoneOf(from), zoneOf(to)];
  if (fromZone.name !== toZone.name && fromZone.height <= toZone.height) {
    if (fromZone.height === toZone.height && from.startsWith("services/")) {
      return `a service never imports a service: call ${toZone.name} through its contract, or hear its events`;
    }
    return `${fromZone.name} never imports ${toZone.name}: arrows point apps -> services -> contracts -> kit`;
  }
  const isRelative = specifier.startsWith(".");
  const [fromPackage, toPackage] = [packageOf(from), packageOf(to)];
  if (fromPackage === toPackage) return isRelative ? undefined : "within a package imports are relative";
  const isNamed = layers.includes(toPackage);
  return isRelative && isNamed ? `import it by its package: @lyss/${to}` : undefined;
}

/** A layer, or the one service or app of a layer that holds several. */
function zoneOf(path: string): { readonly name: string; readonly height: number } {
  const [layer = "", member = ""] = path.split("/");
  const height = layers.indexOf(layer);
  if (height === -1) return { name: "scripts and tests", height: layers.length };
  return { name: layer === "services" || layer === "apps" ? `${layer}/${member}` : layer, height };
}

function packageOf(path: string): string {
  const [layer = "", member = ""] = path.split("/");
  if (layer === "apps") return `apps/${member}`;
  return layers.includes(layer) ? layer : "";
}
