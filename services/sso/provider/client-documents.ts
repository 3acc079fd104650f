import type { StoredClient } from "./client-store.ts";

/** Clients that say what they are at an address of their own, which is their id. */
export interface ClientDocuments {
  /** Read anew after an hour; undefined for one that cannot be read or says of itself what it may not, and where programs may not register themselves. */
  find(clientId: string): Promise<StoredClient | undefined>;
}
