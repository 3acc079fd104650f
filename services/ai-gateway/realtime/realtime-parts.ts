import type { Database } from "@lyss/kit/db/database.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { createEphemeralSessionStore } from "./ephemeral-session-store.ts";
import { createEphemeralSessions, type EphemeralSessionsDeps } from "./ephemeral-sessions.ts";
import { createSessionPlaces, type SessionPlacesSettings } from "./session-places.ts";

interface RealtimeParts extends Omit<EphemeralSessionsDeps, "key" | "store"> {
  readonly db: Database;
  readonly sharedCounts: SharedCounts;
  deriveKey(purpose: string): Buffer;
}

/** What realtime sessions stand on. */
export function createRealtimeParts(settings: SessionPlacesSettings, given: RealtimeParts) {
  const [store, key] = [createEphemeralSessionStore(given.db), given.deriveKey("ai-gateway.ephemeral-session")];
  return {
    sessionPlaces: createSessionPlaces(settings, given),
    ephemeralSessions: createEphemeralSessions({ ...given, store, key }),
  };
}
