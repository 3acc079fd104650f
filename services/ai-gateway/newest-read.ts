/** Reads and applies what was read, unless another read that began later has been applied meanwhile. Rejects as `read` does. */
export type NewestRead = <Found>(read: () => Promise<Found>, apply: (found: Found) => void) => Promise<void>;

/** For what is kept in memory and read anew with each change: of reads that overlap, an older one does not bring back what was before. */
export function createNewestRead(): NewestRead {
  let begun = 0;
  let applied = 0;
  return async (read, apply) => {
    const turn = ++begun;
    const found = await read();
    if (turn < applied) return;
    applied = turn;
    apply(found);
  };
}

/** For what tenants have in the catalogs. */
export const createCatalogReads = () => ({
  providers: createNewestRead(),
  routes: createNewestRead(),
  mcpServers: createNewestRead(),
  agents: createNewestRead(),
});
export type CatalogReads = Readonly<ReturnType<typeof createCatalogReads>>;
