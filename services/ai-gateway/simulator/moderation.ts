import type { SimulatedModel } from "./catalogue.ts";
import type { ModerationRequest } from "./requests.ts";
import { countSimulatedInput } from "./tokenizer.ts";

/** Words that stand for each category, in English and Chinese. */
const words = {
  sexual: ["porn", "色情"],
  "sexual/minors": [],
  harassment: ["idiot", "白痴"],
  "harassment/threatening": [],
  hate: ["vermin", "劣等"],
  "hate/threatening": [],
  illicit: ["counterfeit", "假钞"],
  "illicit/violent": [],
  "self-harm": ["suicide", "自杀"],
  "self-harm/intent": [],
  "self-harm/instructions": [],
  violence: ["kill", "杀"],
  "violence/graphic": ["gore", "血腥"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const foundScore = 0.98;
const usualScore = 0.0001;

/** The texts of a request; a list of parts is one message. */
export function textsOf({ input }: ModerationRequest): readonly string[] {
  if (typeof input === "string") return [input];
  const texts = input.flatMap((one) => (typeof one === "string" ? [one] : []));
  if (texts.length > 0) return texts;
  return [input.flatMap((part) => (Object(part).type === "text" ? [String(Object(part).text)] : [])).join("\n")];
}

/** The answer of `POST /v1/moderations`: a category is met when one of its words is in the text. Images are met by none. */
export function answerModeration(request: ModerationRequest, model: SimulatedModel, id: string) {
  const texts = textsOf(request);
  const results = texts.map((text) => {
    const found = Object.entries(words).map(([name, list]) => [
      name,
      list.some((word) => text.toLowerCase().includes(word)),
    ]);
    return {
      flagged: found.some(([, isFound]) => isFound),
      categories: Object.fromEntries(found),
      category_scores: Object.fromEntries(found.map(([name, isFound]) => [name, isFound ? foundScore : usualScore])),
      category_applied_input_types: Object.fromEntries(found.map(([name]) => [name, ["text"]])),
    };
  });
  return { id, model: model.name, results, promptTokens: countSimulatedInput([...texts]) };
}
