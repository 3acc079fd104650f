import type { Script } from "./scripted-vendors.ts";
import type { Reply } from "./vendor-forms.ts";

export const questions = {
  greet: "Say hello.",
  read: "Read the file notes.txt and say what is secret.",
  change: "Change the file notes.txt and say what it holds.",
} as const;
export const greeting = ["Hello ", "from a ", "vendor."] as const;

/** How agents read a file of their folder: by a tool of these names, given this. */
const readers: readonly (readonly [tool: RegExp, given: Readonly<Record<string, string>>])[] = [
  [/^Read$/, { file_path: "notes.txt" }],
  [/^read_file$/, { file_path: "notes.txt" }],
  [/^exec_command$/, { cmd: "cat notes.txt" }],
];

const patch = "*** Begin Patch\n*** Update File: notes.txt\n@@\n-old\n+new\n*** End Patch\n";
/** How they change one, by a text: a patch, or a program in which the tools are functions. */
const writers: readonly (readonly [tool: RegExp, input: string])[] = [
  [/^apply_patch$/, patch],
  [/^functions[._]exec$/, `text(await tools.apply_patch(${JSON.stringify(patch)}));\n`],
];
const checks: readonly (readonly [tool: RegExp, given: Readonly<Record<string, string>>])[] = [
  [/^exec_command$/, { cmd: "cat notes.txt" }],
  [/^functions[._]exec$/, { input: 'text((await tools.exec_command({ cmd: "cat notes.txt" })).output);\n' }],
];

/** A model that does as the questions above want it, with whatever tools it has. */
export const answerWithTools: Script = ({ asks, result, tools }): Reply => {
  const secret = /secret is ([\w-]+)/.exec(result ?? "")?.[1];
  if (secret !== undefined) return { say: ["It says ", `${secret}.`] };
  if (/(^|\W)new(\W|$)/.test(result ?? "")) return { say: ["The file says new."] };
  if (result !== undefined) return call(tools, checks) ?? { say: [`No tool for ${result}`] };
  if (asks.includes(questions.read)) return call(tools, readers) ?? { say: [`No reader among ${tools.join(" ")}`] };
  if (asks.includes(questions.change)) {
    const ways = writers.map(([tool, input]) => [tool, { input }] as const);
    return call(tools, ways) ?? { say: [`No writer among ${tools.join(" ")}`] };
  }
  return asks.includes(questions.greet) ? { say: greeting } : { say: [`What is ${asks}`] };
};

function call(tools: readonly string[], ways: typeof readers): Reply | undefined {
  for (const [tool, given] of ways) {
    const name = tools.find((one) => tool.test(one));
    if (name !== undefined) return { call: name, given };
  }
  return undefined;
}
