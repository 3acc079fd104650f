import { runInNewContext } from "node:vm";

/** A service's name in every spelling that the layers want. */
export interface ServiceNames {
  /** `user-note`: folder, service, permission. */
  readonly kebab: string;
  /** `userNote`: variables. */
  readonly camel: string;
  /** `UserNote`: types and RPCs. */
  readonly pascal: string;
  /** `user_note`: SQL, protobuf packages, failures, events, ids. */
  readonly snake: string;
  /** `USER_NOTE`: public failure codes. */
  readonly upper: string;
  /** `user note`: sentences. */
  readonly words: string;
}

const maxLength = 30;

/** Reserved in PostgreSQL, so that a table cannot bear the name (appendix C of its manual, version 18). */
const sqlWords = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross default deferrable desc distinct do else end except false fetch for foreign
  freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like
  limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
  references returning right select similar some symmetric table tablesample then to trailing true union unique user
  using variadic verbose when where window with`.split(/\s+/),
);

/** Schemas that are not a service's. */
const takenSchemas = new Set(["public", "event_log", "information_schema"]);

/** What the language itself declares: `Date`, `Error`, `Promise`. */
const languageNames: ReadonlySet<string> = new Set(runInNewContext("Object.getOwnPropertyNames(globalThis)"));

/** Why no service can bear the name, whatever else there is; undefined when one can. */
export function findNameProblem(name: string): string | undefined {
  if (name.length > maxLength) return `a name has at most ${maxLength} characters`;
  if (!/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/.test(name)) return "a name is lower-case words with dashes: user-note";
  const { pascal, snake, kebab } = namesOf(name);
  if (/(^|-)(utils?|helpers?|common|misc|service)($|-)/.test(kebab))
    return "the name does not say what the service keeps";
  if (sqlWords.has(snake)) return `${snake} is a reserved word in SQL, so its table could not be called so`;
  if (takenSchemas.has(snake) || snake.startsWith("pg_")) return `the schema ${snake} belongs to something else`;
  if (languageNames.has(pascal)) return `${pascal} is a name of the language itself`;
  return undefined;
}

/** The spellings of a name for which `findNameProblem` finds nothing. */
export function namesOf(name: string): ServiceNames {
  const words = name.split("-");
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const pascal = words.map(capital).join("");
  return {
    kebab: name,
    camel: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    pascal,
    snake: words.join("_"),
    upper: words.join("_").toUpperCase(),
    words: words.join(" "),
  };
}

/** The plural of an English noun, or of the last word of several: `user-notes`, `categories`. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}
