import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLMap } from "yaml";
import { type ConfigProblem, reasons } from "./config-error.ts";

const maxFileBytes = 1_048_576;
const maxDepth = 32;
const maxNodes = 10_000;

export interface YamlFile {
  /** For messages: `lyss.yaml`. */
  readonly name: string;
  readonly text: string;
}

/** What a file says, and where it says it. */
export interface YamlValues {
  readonly value: Record<string, unknown>;
  /** Each node's place, `lyss.yaml:12`, by its path joined with dots. */
  readonly sources: ReadonlyMap<string, string>;
  readonly problems: readonly ConfigProblem[];
}

/** Gives the text of a variable as the value of the key at `path`. */
export type ResolveVariable = (path: string, name: string) => unknown;

/**
 * Reads a YAML file. `{env: NAME}` stands for what `resolve` gives for NAME; undefined from it is a problem. Never throws
 * and never quotes the file's content, which may hold secrets.
 */
export function readYamlFile(file: YamlFile, resolve: ResolveVariable): YamlValues {
  const sources = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  const lines = new LineCounter();
  const refuse = (reason: ConfigProblem["reason"], line?: number) => {
    problems.push({ key: file.name, reason, source: line === undefined ? undefined : `${file.name}:${line}` });
    return { value: {}, sources, problems };
  };
  if (Buffer.byteLength(file.text) > maxFileBytes) return refuse(reasons.tooLarge);
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false, schema: "core" });
  for (const { pos, code } of document.errors.slice(0, 10)) {
    refuse(reasons.syntax(code), lines.linePos(pos[0]).line);
  }
  if (problems.length > 0) return { value: {}, sources, problems };

  let nodes = 0;
  const sourceOf = (node: ParsedNode) => `${file.name}:${lines.linePos(node.range[0]).line}`;

  function read(node: ParsedNode | null, path: string, depth: number): unknown {
    if (!node) return undefined;
    if (!sources.has(path)) sources.set(path, sourceOf(node));
    // Counted as they are read, not as they are written: aliases of aliases make a small text vast.
    nodes++;
    if (depth > maxDepth || nodes > maxNodes) {
      if (nodes <= maxNodes + 1) problems.push({ key: path, reason: reasons.tooComplex, source: sourceOf(node) });
      nodes = maxNodes + 1;
      return undefined;
    }
    if (isAlias(node)) return read((node.resolve(document) as ParsedNode | undefined) ?? null, path, depth + 1);
    if (isScalar(node)) return node.value ?? undefined;
    if (isSeq(node)) return node.items.map((item, index) => read(item as ParsedNode, `${path}.${index}`, depth + 1));
    return isMap(node) ? readMap(node, path, depth) : undefined;
  }

  function readMap(node: YAMLMap.Parsed, path: string, depth: number): unknown {
    const variable = variableOf(node.items);
    if (variable !== undefined) {
      const value = resolve(path, variable);
      if (value === undefined) problems.push({ key: path, reason: reasons.notSet(variable), source: sourceOf(node) });
      sources.set(path, `${variable}, ${sourceOf(node)}`);
      return value;
    }
    const fields: Record<string, unknown> = Object.create(null);
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const ownPath = path === "" ? name : `${path}.${name}`;
      sources.set(ownPath, sourceOf(key));
      fields[name] = read(value, ownPath, depth + 1);
    }
    return fields;
  }

  const value = read(document.contents, "", 0) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) return refuse(reasons.notMapping);
  return { value: value as Record<string, unknown>, sources, problems };
}

/** NAME of a mapping that is exactly `{env: NAME}`. */
function variableOf(items: readonly { readonly key: unknown; readonly value: unknown }[]): string | undefined {
  const [pair] = items;
  if (items.length !== 1 || !pair || !isScalar(pair.key) || pair.key.value !== "env" || !isScalar(pair.value))
    return undefined;
  const name = pair.value.value;
  return typeof name === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? name : undefined;
}
