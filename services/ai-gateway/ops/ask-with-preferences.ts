import type { AskedCall } from "../dialects/dialect.ts";
import { type AskedBy, takeWanted } from "../routing/preferences.ts";

/** A call as `ask` reads it without its `provider` object. Throws as `takeWanted`. */
export function askWithPreferences(askedBy: AskedBy, ask: (body: Buffer) => AskedCall): AskedCall {
  const { body, ...wanted } = takeWanted(askedBy);
  const call = ask(body);
  // A repeat with another wish is another call.
  return { ...call, ...wanted, asked: { ...call.asked, body: askedBy.body } };
}
