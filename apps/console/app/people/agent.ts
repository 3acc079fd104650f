const programs = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrome\//, "Chrome"],
  [/Safari\//, "Safari"],
] as const;
const systems = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Mac OS X/, "macOS"],
  [/Windows/, "Windows"],
  [/Linux/, "Linux"],
] as const;

/** What a `User-Agent` says, as far as people care. Order counts: most browsers name others, too. */
export function parseAgent(text: string): { readonly program: string; readonly system: string | undefined } {
  const find = (of: readonly (readonly [RegExp, string])[]) => of.find(([pattern]) => pattern.test(text))?.[1];
  const program = find(programs) ?? text.split(/[\s(]/)[0] ?? "";
  return { program, system: find(systems) };
}
