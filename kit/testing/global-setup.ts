import { startTestServer } from "./postgres.ts";

/** For `node --test --test-global-setup`: one PostgreSQL server from the first test file to the last. */
export async function globalSetup(): Promise<void> {
  await startTestServer();
}

export async function globalTeardown(): Promise<void> {
  await (await startTestServer()).stop();
}
