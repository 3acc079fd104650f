import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { mapTexts, type PromptMessage, textsOf } from "./prompt-parts.ts";

/** What there is to say, with variables in it. */
interface Template {
  readonly messages: readonly PromptMessage[];
}

export type PromptValues = Readonly<Record<string, string>>;

/** `{{name}}`, with spaces if one likes. Anything else in braces is text. */
const variable = /\{\{ *([A-Za-z_]\w{0,63}) *\}\}/g;

/** The variables of a prompt, each once, in the order in which they stand. */
export function namesIn({ messages }: Template): readonly string[] {
  const texts = messages.flatMap(({ content }) => textsOf(content));
  const names = texts.flatMap((text) => [...text.matchAll(variable)].map(([, name = ""]) => name));
  return [...new Set(names)];
}

/**
 * The messages with a value in the place of each variable. A value is text, whatever stands in it: braces of its own name nothing.
 * Throws `prompt_variables` for a value that lacks or that nothing asks for.
 */
export function renderPrompt(name: string, template: Template, values: PromptValues): readonly PromptMessage[] {
  const names = namesIn(template);
  const missing = names.filter((it) => !Object.hasOwn(values, it));
  const unknown = Object.keys(values).filter((it) => !names.includes(it));
  if (missing.length > 0 || unknown.length > 0) {
    const list = (some: readonly string[]) => some.slice(0, 10).join(", ") || "–";
    throw new Failure(aiGatewayFailures.prompt_variables, { name, missing: list(missing), unknown: list(unknown) });
  }
  return template.messages.map(({ role, content }) => ({
    role,
    content: mapTexts(content, (text) => text.replace(variable, (_all, it: string) => values[it] ?? "")),
  }));
}
