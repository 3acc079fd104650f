import { type Expression, Visitor } from "oxc-parser";
import { isCode, isScript, isTest, type Problem, type SourceFile } from "../source-tree.ts";

/** Something that a function would reach for instead of being given it. */
interface Ban {
  readonly instead: string;
  /** The files that wrap it for everyone else. */
  readonly homes: readonly string[];
  readonly isAllowedInTests: boolean;
}

const clock = "kit/service/clock.ts";

/** Keyed by the expression as it is written; `console.*` stands for each of its methods. */
const bans: Readonly<Record<string, Ban>> = {
  "Date.now": { instead: "clock.nowMs() from deps", homes: [clock], isAllowedInTests: true },
  "new Date()": { instead: "new Date(clock.nowMs()) with the clock from deps", homes: [], isAllowedInTests: true },
  "performance.now": { instead: "clock.monotonicMs() from deps", homes: [clock], isAllowedInTests: true },
  "Math.random": { instead: "random from deps, or a seed in a test", homes: [], isAllowedInTests: false },
  "process.env": {
    instead: "a key of the service's config.ts; the platform reads the environment once",
    homes: ["apps/platform/environment.ts"],
    isAllowedInTests: true,
  },
  "console.*": { instead: "log from deps", homes: [], isAllowedInTests: true },
  setTimeout: {
    instead: "clock.setTimer() or delay() of kit/service/clock.ts; in a test wait for the event itself",
    homes: [clock],
    isAllowedInTests: false,
  },
  setInterval: { instead: "a Job in the service's jobs.ts", homes: [], isAllowedInTests: false },
};

/** Refuses the clock, randomness, the environment and the terminal wherever they are not handed in. */
export function findAmbient(file: SourceFile): readonly Problem[] {
  if (!isCode(file.path) || isScript(file.path) || isForBrowser(file.path)) return [];
  const problems: Problem[] = [];

  function refuse(name: string, offset: number): void {
    const ban = bans[name];
    if (!ban || ban.homes.includes(file.path) || (ban.isAllowedInTests && isTest(file.path))) return;
    problems.push({ path: file.path, line: file.lineAt(offset), message: `no ${name}: take ${ban.instead}` });
  }

  new Visitor({
    MemberExpression(node) {
      if (node.object.type !== "Identifier") return;
      const property = node.computed ? "" : node.property.type === "Identifier" ? node.property.name : "";
      refuse(node.object.name === "console" ? "console.*" : `${node.object.name}.${property}`, node.start);
    },
    NewExpression(node) {
      if (isNamed(node.callee, "Date") && node.arguments.length === 0) refuse("new Date()", node.start);
    },
    ImportSpecifier({ imported, local, start }) {
      // A call by the timer's own name is refused where it stands.
      if (imported.type === "Identifier" && imported.name !== local.name) refuse(imported.name, start);
    },
    CallExpression(node) {
      if (isNamed(node.callee, "setTimeout") || isNamed(node.callee, "setInterval")) {
        refuse(node.callee.name, node.start);
      }
    },
  }).visit(file.parsed.program);
  return problems;
}

/** In a browser there is one clock and one terminal, and nobody to hand them in. */
function isForBrowser(path: string): boolean {
  return path.startsWith("apps/console/");
}

function isNamed(node: Expression, name: string): node is Extract<Expression, { type: "Identifier" }> {
  return node.type === "Identifier" && node.name === name;
}
