import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { namesOf, pluralOf } from "./names.ts";

const templateFolder = join(import.meta.dirname, "template");
/** The name that the template is written with. */
const placeholder = namesOf("sample-thing");
const placeholderPlural = namesOf("sample-things");

/** The files of a new service, by their paths from the repository's root. */
export function renderService(name: string): ReadonlyMap<string, string> {
  const translate = createTranslation(name);
  const paths = globSync("**/*.txt", { cwd: templateFolder }).sort();
  return new Map(
    paths.map((path) => {
      const text = readFileSync(join(templateFolder, path), "utf8");
      return [translate(path.replace(/\.txt$/, "")), translate(text)];
    }),
  );
}

/** Replaces every spelling of the placeholder. Plurals first: they begin with the singular. */
function createTranslation(name: string): (text: string) => string {
  const pairs: readonly (readonly [from: string, to: string])[] = [
    [placeholderPlural, namesOf(pluralOf(name))] as const,
    [placeholder, namesOf(name)] as const,
  ].flatMap(([from, to]) => [
    [from.kebab, to.kebab] as const,
    [from.camel, to.camel] as const,
    [from.pascal, to.pascal] as const,
    [from.snake, to.snake] as const,
    [from.upper, to.upper] as const,
    [from.words, to.words] as const,
  ]);
  return (text) => pairs.reduce((translated, [from, to]) => translated.replaceAll(from, to), text);
}
