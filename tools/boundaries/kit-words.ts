import { Visitor } from "oxc-parser";
import { isCode, isTest, type Problem, type SourceFile } from "../source-tree.ts";

/** Nouns that one service owns. The kit is about how things are done, not about these. */
const domainWords =
  /^(wallets?|billing|invoices?|ledgers?|prices?|credentials?|suppliers?|posters?|llm|openai|anthropic)$/;

/** The kit names nothing after what a service owns. Texts and comments may mention it. */
export function findDomainWords(file: SourceFile): readonly Problem[] {
  if (!isCode(file.path) || !file.path.startsWith("kit/") || isTest(file.path)) return [];
  const problems: Problem[] = [];
  new Visitor({
    Identifier({ name, start }) {
      const words = name.split(/(?=[A-Z])|[_$]/).map((word) => word.toLowerCase());
      const found = words.find((word) => domainWords.test(word));
      if (!found) return;
      const message = `'${found}' belongs to a service: the kit has no domain words`;
      problems.push({ path: file.path, line: file.lineAt(start), message });
    },
  }).visit(file.parsed.program);
  return problems;
}
