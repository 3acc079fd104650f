import { InvalidArgumentError } from "commander";

/** What an option or argument says that is a whole number. Throws an InvalidArgumentError for what is none. */
export function readCount(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a whole number.");
}
