import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParseResult, parseSync } from "oxc-parser";

// An older Node would not fail but do nothing: it does not know `import.meta.main`.
if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(
    `Node 24 or later is needed, and this is ${process.version}. Use npm run, which finds the installed one.`,
  );
}

/** A file of the repository. Read and parsed once, when a rule first looks inside. */
export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Throws for a file that `isCode` refuses. A file with a syntax error has an empty program. */
  readonly parsed: ParseResult;
  /** 1-based line of an offset in `text`. */
  lineAt(offset: number): number;
}

/** Something to mend. */
export interface Problem {
  readonly path: string;
  /** 1-based; 0 when the problem is the file itself. */
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly message: string;
}

/** The repository that these tools belong to. */
export const repositoryRoot = join(import.meta.dirname, "..");

/** A file whose text is given, or read on first use. */
export function createSourceFile(path: string, read: () => string): SourceFile {
  let text: string | undefined;
  let parsed: ParseResult | undefined;
  let lineStarts: number[] | undefined;
  const file: SourceFile = {
    path,
    get text() {
      text ??= read();
      return text;
    },
    get parsed() {
      if (!isCode(path)) throw new TypeError(`${path} is not code`);
      parsed ??= parseSync(path, file.text);
      return parsed;
    },
    lineAt(offset) {
      lineStarts ??= [...file.text.matchAll(/^/gm)].map((match) => match.index);
      const next = lineStarts.findIndex((start) => start > offset);
      return next === -1 ? lineStarts.length : next;
    },
  };
  return file;
}

/** Every file that git tracks or would track, generated code left out, ordered by path. */
export function readSourceTree(root: string = repositoryRoot): readonly SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split("\0"))]
    .filter((path) => path !== "" && !path.split("/").includes("gen") && existsSync(join(root, path)))
    .sort()
    .map((path) => createSourceFile(path, () => readFileSync(join(root, path), "utf8")));
}

/** True for TypeScript and JavaScript. */
export function isCode(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(path);
}

/** True for tests and for what only tests use. They may do what the product may not. */
export function isTest(path: string): boolean {
  return /^(tests|kit\/testing)\/|\/testdata\/|\.test\.tsx?$/.test(path);
}

/** True for programs that developers run: they talk to a terminal and to the clock on the wall. */
export function isScript(path: string): boolean {
  return /^(tools|bench|bin|\.ci)\//.test(path);
}

/** One line for each problem, as terminals and editors link them. */
export function formatProblem({ path, line, message }: Problem): string {
  return `${path}${line === 0 ? "" : `:${line}`}  ${message}`;
}
