import { after } from "node:test";
import type { ClusterService } from "../db/cluster.ts";
import { startPostgresServer, stopPostgresServer } from "./postgres-server.ts";
import { createDatabaseOn, type OpenedCluster, openClusterOn, type TestScope } from "./test-cluster.ts";

after(stopPostgresServer);

/** The server that all tests share, which writes nothing through to the disk. */
export async function sharedServerUrl(): Promise<string> {
  return (await startPostgresServer()).url;
}

/**
 * Creates an empty database, dropped with all its sessions when the scope ends, on the server that all tests share.
 */
export async function createTestDatabase(t: TestScope): Promise<{ readonly adminUrl: string }> {
  return createDatabaseOn(await sharedServerUrl(), t);
}

/** A prepared cluster on a fresh database as `createTestDatabase` makes it, closed and dropped when the scope ends. */
export async function openTestCluster(t: TestScope, services: readonly ClusterService[] = []): Promise<OpenedCluster> {
  return openClusterOn(await sharedServerUrl(), t, services);
}
