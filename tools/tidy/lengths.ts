import { type Node, Visitor } from "oxc-parser";
import { isCode, type Problem, type SourceFile } from "../source-tree.ts";

const maxFileLines = 400;
const maxFunctionLines = 70;

/**
 * A file has at most 400 lines, a function at most 70 of its own: the lines of functions inside it count for those.
 * A file with a good reason says it before its first statement: `// tidy: <reason>`.
 */
export function findLengths(file: SourceFile): readonly Problem[] {
  if (!isCode(file.path) && !file.path.endsWith(".sql")) return [];
  if (hasReason(file)) return [];
  const lines = file.text.trimEnd().split("\n").length;
  const problems: Problem[] = [];
  if (lines > maxFileLines) {
    problems.push({ path: file.path, line: 0, message: `${lines} lines: split it, at most ${maxFileLines}` });
  }
  return isCode(file.path) ? [...problems, ...findLongFunctions(file)] : problems;
}

function findLongFunctions(file: SourceFile): readonly Problem[] {
  const problems: Problem[] = [];
  /** Lines that the functions inside each open function take away from it. */
  const nestedLines: number[] = [];
  const enter = () => {
    nestedLines.push(0);
  };
  const exit = (node: Node) => {
    const line = file.lineAt(node.start);
    // The first line of an inner function is shared with the outer one, so it stays with the outer one.
    const span = file.lineAt(node.end) - line;
    const own = span + 1 - (nestedLines.pop() ?? 0);
    const outer = nestedLines.length - 1;
    if (outer >= 0) nestedLines[outer] = (nestedLines[outer] ?? 0) + span;
    if (own <= maxFunctionLines) return;
    problems.push({ path: file.path, line, message: `a function of ${own} lines: at most ${maxFunctionLines}` });
  };
  new Visitor({
    FunctionDeclaration: enter,
    FunctionExpression: enter,
    ArrowFunctionExpression: enter,
    "FunctionDeclaration:exit": exit,
    "FunctionExpression:exit": exit,
    "ArrowFunctionExpression:exit": exit,
  }).visit(file.parsed.program);
  return problems;
}

function hasReason(file: SourceFile): boolean {
  if (!isCode(file.path)) return false;
  const { comments, program } = file.parsed;
  const firstStatement = program.body[0]?.start ?? file.text.length;
  return comments.some(({ value, start }) => start < firstStatement && /^\s*tidy: \S.{9,}/.test(value));
}
