import { startPostgresServer, stopPostgresServer } from "./postgres-server.ts";

/** For `node --test --test-global-setup`: one PostgreSQL server from the first test file to the last. */
export async function globalSetup(): Promise<void> {
  await startPostgresServer();
}

export const globalTeardown = stopPostgresServer;
