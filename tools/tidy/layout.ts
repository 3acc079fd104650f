import type { Problem, SourceFile } from "../source-tree.ts";

const vagueWord = /^(utils?|helpers?|common|misc)$/;
const maxReadmeLines = 80;
const maxAdrLines = 60;

/** Rules about which files there are and what they are called. Takes the whole tree. */
export function findLayoutProblems(files: readonly SourceFile[]): readonly Problem[] {
  return [
    ...files.flatMap(({ path }) => findBadName(path)),
    ...findMigrationProblems(files.map(({ path }) => path)),
    ...findServiceProblems(files),
    ...findAdrProblems(files),
  ];
}

function findBadName(path: string): readonly Problem[] {
  const say = (message: string) => [{ path, line: 0, message }];
  const segments = path.split("/");
  const fileName = segments.at(-1) ?? "";
  if (segments.slice(0, -1).includes("src")) return say("no src/: the folder's name already says what is in it");
  if (/^index\.[cm]?[jt]sx?$/.test(fileName)) return say("no index file: import from the file that declares the thing");
  const words = segments.flatMap((segment) => (segment.split(".")[0] ?? "").split("-"));
  const vague = words.find((word) => vagueWord.test(word));
  return vague ? say(`no '${vague}': name the file for what it does`) : [];
}

function findMigrationProblems(paths: readonly string[]): readonly Problem[] {
  const byFolder = new Map<string, string[]>();
  for (const path of paths) {
    const [, folder, name] = /^((?:kit|services)\/.*migrations)\/(.+)$/.exec(path) ?? [];
    if (folder !== undefined && name !== undefined) byFolder.set(folder, [...(byFolder.get(folder) ?? []), name]);
  }
  return [...byFolder].flatMap(([folder, names]) =>
    names.sort().flatMap((name, index) => {
      const wanted = String(index + 1).padStart(4, "0");
      if (new RegExp(`^${wanted}_[a-z0-9_]+\\.sql$`).test(name)) return [];
      const message = `migrations are numbered without gaps: this one is ${wanted}_<what_it_does>.sql`;
      return [{ path: `${folder}/${name}`, line: 0, message }];
    }),
  );
}

function findServiceProblems(files: readonly SourceFile[]): readonly Problem[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const folders = new Set(files.flatMap(({ path }) => /^services\/[^/]+(?=\/)/.exec(path) ?? []));
  return [...folders].flatMap((folder) => {
    const problems: Problem[] = [];
    if (!byPath.has(`${folder}/service.ts`)) {
      problems.push({ path: folder, line: 0, message: "a service declares itself in service.ts" });
    }
    const readme = byPath.get(`${folder}/README.md`);
    if (!readme) {
      problems.push({ path: folder, line: 0, message: "a service has a README.md: its terms and how it fails" });
    } else if (countLines(readme) > maxReadmeLines) {
      const message = `${countLines(readme)} lines: at most ${maxReadmeLines}, say it shorter`;
      problems.push({ path: readme.path, line: 0, message });
    }
    return problems;
  });
}

function findAdrProblems(files: readonly SourceFile[]): readonly Problem[] {
  const numbers = new Set<string>();
  return files
    .filter(({ path }) => path.startsWith("docs/adr/"))
    .flatMap((file) => {
      const [, number] = /^docs\/adr\/(\d{4})-[a-z0-9-]+\.md$/.exec(file.path) ?? [];
      const say = (message: string) => [{ path: file.path, line: 0, message }];
      if (number === undefined) return say("a decision record is named docs/adr/<4 digits>-<title>.md");
      if (numbers.has(number)) return say(`the number ${number} is taken: use the next free one`);
      numbers.add(number);
      const lines = countLines(file);
      return lines > maxAdrLines ? say(`${lines} lines: a decision fits on one page, at most ${maxAdrLines}`) : [];
    });
}

function countLines(file: SourceFile): number {
  return file.text.trimEnd().split("\n").length;
}
