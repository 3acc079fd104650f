import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { repositoryRoot } from "./source-tree.ts";

/** How a program ended. `output` is what it wrote to both streams, stdout first. */
export interface ToolResult {
  readonly isSuccess: boolean;
  readonly stdout: string;
  readonly output: string;
}

const binFolder = join(repositoryRoot, "node_modules/.bin");

/** Environment in which installed tools, and the Node that they are to run on, are found first. */
export const toolEnvironment = { ...process.env, PATH: `${binFolder}${delimiter}${process.env["PATH"] ?? ""}` };

/** Runs an installed tool, or a program on PATH, without a shell. Resolves whether it succeeds or not. */
export function runTool(program: string, args: readonly string[], cwd = repositoryRoot): Promise<ToolResult> {
  const options = { cwd, env: toolEnvironment, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (err, stdout, stderr) => {
      // A program that could not be started has written nothing; its error says why.
      const output = `${stdout}${stderr}` || (err?.message ?? "");
      resolve({ isSuccess: err === null, stdout, output });
    });
  });
}

/** Runs buf's own binary: its npm wrapper needs an install script that may not have run. */
export function runBuf(args: readonly string[], cwd: string): Promise<ToolResult> {
  const extension = process.platform === "win32" ? ".exe" : "";
  const folder = `node_modules/@bufbuild/buf-${process.platform}-${process.arch}`;
  return runTool(join(repositoryRoot, folder, `bin/buf${extension}`), args, cwd);
}
