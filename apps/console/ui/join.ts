/** Class names in one text, without those that are absent. */
export function join(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
