import { credentialCreated, credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { createLocalKeyring } from "@lyss/kit/crypto/keyring.ts";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { credentialConfig } from "./config.ts";
import { createDataKeys } from "./data-keys.ts";
import { createCredentialOps } from "./ops.ts";
import { credentialRoutes } from "./routes.ts";
import { createCredentialRpc } from "./rpc.ts";
import { createCredentialStore } from "./store.ts";

export const credential = defineService({
  name: "credential",
  contract: CredentialService,
  needs: {},
  publishes: [credentialCreated, credentialRotated, credentialRevoked],
  hears: [],
  config: credentialConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: credentialRoutes,

  async start({ config, db, outbox, clock, random, log, deriveKey }) {
    const store = createCredentialStore(db.sql);
    const keyring = createLocalKeyring(deriveKey("credential.kek"), random);
    const ttlMs = config.credential.dataKeyTtlMs;
    const dataKeys = createDataKeys({ db, store, keyring, random, clock, ttlMs });
    const fingerprintKey = deriveKey("credential.fingerprint");
    const ops = createCredentialOps({ db, store, dataKeys, fingerprintKey, outbox, clock, random, log });
    const jobs = [{ name: "re-encrypt-credentials", everyMs: 5_000, run: ops.reEncrypt }];
    return { ops, jobs, rpc: createCredentialRpc(ops), health: { database: databaseCheck(db) } };
  },
});
