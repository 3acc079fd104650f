import { findBoundaryProblems } from "./boundaries.ts";
import { generateConsoleClient } from "./console-client.ts";
import { findBreakingChanges, lintContracts } from "./contracts.ts";
import { generateConfigurationDocs } from "./docs-configuration.ts";
import { generateErrorDocs } from "./docs-errors.ts";
import { findStale } from "./generated.ts";
import { findExampleProblems, generateOpenApi } from "./open-api.ts";
import { generateProtobuf } from "./protobuf.ts";
import { runTool, type ToolResult } from "./run-tool.ts";
import { formatProblem, type Problem, readSourceTree, repositoryRoot as root } from "./source-tree.ts";
import { findTidyProblems } from "./tidy.ts";
import { findTopologyProblems, generateTopology, loadServices } from "./topology.ts";

/** What a gate found. */
interface Verdict {
  readonly isPassed: boolean;
  /** What to mend, or why there was nothing to look at. */
  readonly details: string;
}

const files = readSourceTree();

/** Everything that must hold of the repository, by the name under which it is reported. */
const gates: Readonly<Record<string, () => Promise<Verdict>>> = {
  types: async () => fromTool(await runTool("tsc", ["-p", "."])),
  console: async () => fromTool(await runTool("tsc", ["-p", "apps/console"])),
  lint: async () => fromTool(await runTool("biome", ["check", "--error-on-warnings", "--max-diagnostics=200", "."])),
  contracts: async () => fromTool(await lintContracts(root)),
  breaking: async () => {
    const result = await findBreakingChanges(root);
    return result ? fromTool(result) : { isPassed: true, details: "nothing to compare with: no contracts on main" };
  },
  generated: async () => fromProblems(findStale(root, await generateProtobuf(root))),
  openapi: async () => {
    const problems = findExampleProblems(await loadServices(root));
    const written = [await generateOpenApi(root), await generateConsoleClient(root)];
    return fromProblems([...problems, ...written.flatMap((one) => findStale(root, one))]);
  },
  docs: async () => {
    const pages = await Promise.all([generateErrorDocs(root), generateConfigurationDocs(root)]);
    return fromProblems(pages.flatMap((page) => findStale(root, page)));
  },
  tidy: async () => fromProblems(findTidyProblems(files)),
  boundaries: async () => fromProblems(findBoundaryProblems(files)),
  topology: async () => {
    const folders = new Set(files.flatMap(({ path }) => /^services\/([^/]+)\//.exec(path)?.[1] ?? []));
    const problems = findTopologyProblems(await loadServices(root), [...folders]);
    return fromProblems([...problems, ...findStale(root, await generateTopology(root))]);
  },
};

function fromTool({ isSuccess, output }: ToolResult): Verdict {
  return { isPassed: isSuccess, details: isSuccess ? "" : output };
}

function fromProblems(problems: readonly Problem[]): Verdict {
  return { isPassed: problems.length === 0, details: problems.map(formatProblem).join("\n") };
}

/** Runs one gate and prints its line. A gate that throws has failed. */
async function runGate([name, gate]: [string, () => Promise<Verdict>]) {
  const startMs = performance.now();
  const verdict = await gate().catch((err): Verdict => ({ isPassed: false, details: String(err?.stack ?? err) }));
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  const note = verdict.isPassed && verdict.details ? `  ${verdict.details}` : "";
  console.log(`${verdict.isPassed ? "ok  " : "FAIL"}  ${name.padEnd(10)} ${seconds.padStart(5)} s${note}`);
  return { name, ...verdict };
}

const verdicts = await Promise.all(Object.entries(gates).map(runGate));
const failed = verdicts.filter(({ isPassed }) => !isPassed);
for (const { name, details } of failed) console.log(`\n── ${name}\n${details.trimEnd()}`);
console.log(`\n${verdicts.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
