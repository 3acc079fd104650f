import { createSequence } from "./seeded.ts";
import { splitSimulatedTokens } from "./tokenizer.ts";

export type Language = "en" | "zh";

/** What a simulated model noticed in a request. */
export interface Understanding {
  readonly modelName: string;
  /** The last thing that the user or a tool said. */
  readonly lastText: string;
  /** Name of the tool that said it, or undefined when it was the user. */
  readonly toolName: string | undefined;
  /** `user`, `image_url` and so on, each with how often it occurs. */
  readonly counts: ReadonlyMap<string, number>;
  readonly toolNames: readonly string[];
}

const quoteCharacters = 300;

const templates = {
  en: {
    answer: (name: string) => `This is a simulated answer of ${name}; no language model was called.`,
    wrote: (quote: string) => `You wrote: “${quote}”`,
    toolSaid: (tool: string, quote: string) => `The tool ${tool} returned: “${quote}”`,
    understood: (list: string) => `I understood: ${list}.`,
    tools: (names: string) => `tools (${names})`,
    choice: (number: number) => `This is choice ${number}.`,
    joiner: ", ",
    filler: [
      "These words only fill the space that was asked for.",
      "A real model would say something of use here.",
      "Each word of this sentence is counted as one token.",
      "The same question always gets the same answer.",
      "Nothing that was written here has left this machine.",
    ],
  },
  zh: {
    answer: (name: string) => `这是 ${name} 的模拟回答，没有调用任何语言模型。`,
    wrote: (quote: string) => `您写道：“${quote}”`,
    toolSaid: (tool: string, quote: string) => `工具 ${tool} 返回：“${quote}”`,
    understood: (list: string) => `收到的内容：${list}。`,
    tools: (names: string) => `工具（${names}）`,
    choice: (number: number) => `这是第 ${number} 个候选答案。`,
    joiner: "、",
    filler: [
      "这些文字只是为了凑足所要求的长度。",
      "真正的模型会在这里给出有用的内容。",
      "这句话里的每个汉字都计为一个词元。",
      "同样的问题总是得到同样的回答。",
      "这里写下的内容没有离开这台机器。",
    ],
  },
} as const;

/** Chinese when the text has Han characters and no kana or Hangul; English otherwise. */
export function detectLanguage(text: string): Language {
  const isHan = /\p{Script=Han}/u.test(text);
  return isHan && !/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(text) ? "zh" : "en";
}

/** A plainly marked answer that echoes what was understood, in the language of the question. */
export function writeAnswer(understood: Understanding, choiceIndex: number): string {
  const words = templates[detectLanguage(understood.lastText)];
  const quote = [...understood.lastText.slice(0, 2 * quoteCharacters)].slice(0, quoteCharacters).join("");
  const shown = quote.length < understood.lastText.length ? `${quote}…` : quote;
  const noticed = [...understood.counts].map(([name, count]) => `${count} × ${name}`);
  if (understood.toolNames.length > 0) noticed.push(words.tools(understood.toolNames.join(words.joiner)));
  const lines = [
    words.answer(understood.modelName),
    understood.toolName === undefined ? words.wrote(shown) : words.toolSaid(understood.toolName, shown),
    words.understood(noticed.join(words.joiner)),
  ];
  if (choiceIndex > 0) lines.push(words.choice(choiceIndex + 1));
  return lines.join("\n");
}

/** `text` cut to exactly `tokens` tokens, or made that long with sentences chosen by `seed`, in its own language. */
export function resizeAnswer(text: string, tokens: number, seed: string): string {
  const kept = splitSimulatedTokens(text, tokens);
  const language = detectLanguage(text);
  const next = createSequence(seed);
  const { filler } = templates[language];
  while (kept.length < tokens) {
    const sentence = filler[next() % filler.length] ?? "";
    kept.push(...splitSimulatedTokens(language === "en" ? ` ${sentence}` : sentence, tokens - kept.length));
  }
  return kept.join("");
}
