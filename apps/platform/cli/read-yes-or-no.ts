import { InvalidArgumentError } from "commander";

/** What an option says that is yes or no. Throws an InvalidArgumentError for anything else. */
export function readYesOrNo(word: string): boolean {
  if (word !== "yes" && word !== "no") throw new InvalidArgumentError("Write yes or no.");
  return word === "yes";
}
