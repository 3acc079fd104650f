import { parseSync } from "oxc-parser";
import type { ServiceNames } from "./names.ts";

/** The text of apps/platform/services.ts with one more service, in the order of names. Throws when it has no list. */
export function registerService(text: string, { camel, kebab }: ServiceNames): string {
  const { body } = parseSync("services.ts", text).program;
  for (const statement of body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.declaration?.type !== "VariableDeclaration") continue;
    const [declaration] = statement.declaration.declarations;
    if (declaration?.id.type !== "Identifier" || declaration.id.name !== "services") continue;
    if (declaration.init?.type !== "ArrayExpression") continue;
    const { start, end, elements } = declaration.init;
    const names = elements.map((element) => (element ? text.slice(element.start, element.end) : ""));
    const list = `[${[...names, camel].sort().join(", ")}]`;
    const imported = `import { ${camel} } from "@lyss/services/${kebab}/service.ts";\n`;
    return imported + text.slice(0, start) + list + text.slice(end);
  }
  throw new Error("apps/platform/services.ts exports no array called services");
}
