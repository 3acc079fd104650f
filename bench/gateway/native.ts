import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Said when there is nothing to compile with. */
export const compilerMissing = "this needs a C compiler as 'cc' (on Debian: apt-get install -y gcc libc6-dev)";

/** What `cc --version` says it is, or undefined when there is no C compiler. */
export function findCompiler(): string | undefined {
  try {
    const text = execFileSync("cc", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.split("\n")[0]?.replace(/^cc /, "");
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
