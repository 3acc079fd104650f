import { type Expression, Visitor } from "oxc-parser";
import { isCode, isTest, type Problem, type SourceFile } from "../source-tree.ts";

/** A service's SQL stands in its store, where one method is one statement. The kit's engines have their own. */
export function findStraySql(file: SourceFile): readonly Problem[] {
  if (!isCode(file.path) || !/^(services|apps)\//.test(file.path) || isTest(file.path)) return [];
  if (/(^|[/-])store\.ts$/.test(file.path)) return [];
  const problems: Problem[] = [];
  const refuse = (offset: number) => {
    problems.push({
      path: file.path,
      line: file.lineAt(offset),
      message: "no SQL here: give store.ts (or <part>-store.ts) a method with this statement",
    });
  };
  new Visitor({
    TaggedTemplateExpression(node) {
      if (isSqlTag(node.tag)) refuse(node.start);
    },
    CallExpression(node) {
      const { callee } = node;
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      if (callee.property.name === "unsafe" && isSqlTag(callee.object)) refuse(node.start);
    },
  }).visit(file.parsed.program);
  return problems;
}

/** `sql`, `tx`, or something's `.sql`. */
function isSqlTag(node: Expression): boolean {
  if (node.type === "Identifier") return node.name === "sql" || node.name === "tx";
  return node.type === "MemberExpression" && node.property.type === "Identifier" && node.property.name === "sql";
}
