import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { EphemeralSessionStore } from "./ephemeral-session-store.ts";

/** With what a session begins that is opened by an ephemeral key. */
export interface EphemeralSession {
  readonly ephemeralKeyId: string;
  readonly tenantId: string;
  readonly keyId: string;
  /** As its caller named it. */
  readonly model: string;
  /** The `session` of a `session.update`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly expiresAt: Date;
}

/** What whoever made an ephemeral key has said of its sessions: sealed, and forgotten when it expires. */
export interface EphemeralSessions {
  keep(session: EphemeralSession): Promise<void>;
  /** Undefined for one that has expired, or is another tenant's. */
  find(tenantId: string, ephemeralKeyId: string): Promise<Pick<EphemeralSession, "model" | "settings"> | undefined>;
  /** Of a key, those that are good now; counted up to `most`. */
  countOf(keyId: string, most: number): Promise<number>;
  readonly jobs: readonly Job[];
}

const sweepEveryMs = 600_000;
const sweepLimit = 1_000;

export interface EphemeralSessionsDeps {
  readonly store: EphemeralSessionStore;
  readonly clock: Clock;
  readonly random: Random;
  /** 32 bytes. */
  readonly key: Buffer;
}

export function createEphemeralSessions({ store, clock, random, key }: EphemeralSessionsDeps): EphemeralSessions {
  const now = () => new Date(clock.nowMs());
  const bindingOf = (tenantId: string, ephemeralKeyId: string) => JSON.stringify([tenantId, ephemeralKeyId]);
  return {
    async keep({ settings, ...row }) {
      const bytes = Buffer.from(JSON.stringify(settings));
      const sealed = seal(random, key, bytes, bindingOf(row.tenantId, row.ephemeralKeyId));
      await store.insert({ ...row, settings: sealed });
    },
    async find(tenantId, ephemeralKeyId) {
      const row = await store.find(tenantId, ephemeralKeyId, now());
      if (!row) return undefined;
      const bytes = unseal(key, row.settings, bindingOf(tenantId, ephemeralKeyId));
      if (!bytes)
        throw new Error("an ephemeral session does not open: the root key is another one, or the row was changed");
      return { model: row.model, settings: JSON.parse(bytes.toString("utf8")) };
    },
    countOf: (keyId, most) => store.countOf(keyId, now(), most),
    jobs: [
      {
        name: "sweep-ephemeral-sessions",
        everyMs: sweepEveryMs,
        async run() {
          await store.deleteExpired(now(), sweepLimit);
        },
      },
    ],
  };
}
