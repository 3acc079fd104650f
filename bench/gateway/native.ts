import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Said when there is nothing to compile with. */
export const compilerMissing = "this needs a C compiler as 'cc' (on Debian: apt-get install -y gcc libc6-dev)";

/** The first line of `cc --version`, or undefined when there is no C compiler. */
export function findCompiler(): string | undefined {
  try {
    return execFileSync("cc", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0];
  } catch {
    return undefined;
  }
}

/** Compiles `<name>.c` of this folder into `folder` and gives the program's path. Throws with the compiler's own words. */
export function compile(name: string, folder: string): string {
  if (findCompiler() === undefined) throw new Error(compilerMissing);
  const program = join(folder, name);
  const options = ["-O2", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"];
  execFileSync("cc", [...options, "-o", program, join(import.meta.dirname, `${name}.c`)], { stdio: "pipe" });
  return program;
}
