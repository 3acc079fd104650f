import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findNameProblem, namesOf } from "./new-service/names.ts";
import { registerService } from "./new-service/register.ts";
import { renderService } from "./new-service/render.ts";
import { runTool } from "./run-tool.ts";
import { repositoryRoot as root } from "./source-tree.ts";
import { servicesPath } from "./topology.ts";

const usage = `Usage: npm run new-service -- <name>

Writes a small service that works: a resource with create, get and list, over gRPC and REST, with its contract, table,
event, failures, configuration and tests. Adds it to ${servicesPath} and generates its code.

The name is one thing that the service keeps, in the singular, in lower-case words with dashes: user-note`;

/** Writes the service, or nothing: what was written is taken back when a step fails. Throws an Error that says why. */
async function writeService(name: string): Promise<readonly string[]> {
  const problem = findNameProblem(name);
  if (problem) throw new Error(problem);
  const rendered = renderService(name);
  const taken = [...rendered.keys()].find((path) => existsSync(join(root, path)));
  if (taken) throw new Error(`${taken} exists already`);

  const services = readFileSync(join(root, servicesPath), "utf8");
  try {
    for (const [path, text] of rendered) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    writeFileSync(join(root, servicesPath), registerService(services, namesOf(name)));
    const written = [...rendered.keys(), servicesPath];
    await run("biome", ["check", "--write", ...written.filter((path) => path.endsWith(".ts"))]);
    const generated = await run("node", ["tools/gen.ts"]);
    return [...written, ...generated.trim().split("\n")];
  } catch (err) {
    for (const path of rendered.keys()) rmSync(join(root, path), { force: true });
    for (const folder of [`services/${name}`, `contracts/proto/lyss/${namesOf(name).snake}`]) {
      rmSync(join(root, folder), { recursive: true, force: true });
    }
    writeFileSync(join(root, servicesPath), services);
    throw err;
  }
}

async function run(tool: string, args: readonly string[]): Promise<string> {
  const { isSuccess, stdout, output } = await runTool(tool, args);
  if (!isSuccess)
    throw new Error(`${tool} refuses what would be written; the name may be taken inside a file\n${output}`);
  return stdout;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean", short: "h" } },
});
const [name] = positionals;
if (values.help) console.log(usage);
else if (name === undefined || positionals.length > 1) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    console.log((await writeService(name)).join("\n"));
    console.log(`\nNext: npm test -- services/${name}, npm run check; then make it yours, from model.ts outward.`);
  } catch (err) {
    console.error(`'${name}' cannot be a service: ${err instanceof Error ? err.message : err}`);
    process.exitCode = 1;
  }
}
