import type { AskedCall } from "../dialects/dialect.ts";
import { takeWanted, type WantedBy } from "../routing/preferences.ts";

/** A call as `ask` reads it without its `provider` object. Throws as `takeWanted`. */
export function askWithPreferences(wantedBy: WantedBy, ask: (body: Buffer) => AskedCall): AskedCall {
  const { body, ...wanted } = takeWanted(wantedBy);
  const call = ask(body);
  // A repeat with another wish is another call.
  return { ...call, ...wanted, asked: { ...call.asked, body: wantedBy.body } };
}
