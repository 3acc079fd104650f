import type { Adapter, AdapterPayload } from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { openJson, sealJson, sha256 } from "../sealed.ts";
import { toClientMetadata } from "./client-metadata.ts";
import { isClientId } from "./client-model.ts";
import type { ItemRow } from "./provider-store.ts";

/** Of what the provider keeps without a time: never longer than the longest session. */
const maxTtlSeconds = 90 * 86_400;

type AdapterDeps = Pick<
  SsoDeps,
  "providerState" | "logouts" | "oidcClients" | "clientDocuments" | "auth" | "clock" | "random" | "sealingKey"
>;

export interface StateAdapterOptions {
  /** The session of ours that the request under way signs in with; undefined when it does not sign in. */
  loginOf(): { readonly sessionId: string; readonly tenantId: string } | undefined;
  /** What the library answers when a code or token is shown a second time. */
  alreadyUsed(): Error;
}

/**
 * Where the provider keeps its state: rows that any node reads, ids hashed, what they hold sealed. A browser's session is
 * there for as long as the session of ours is alive on which it stands.
 */
export function createStateAdapter(deps: AdapterDeps, model: string, options: StateAdapterOptions): Adapter {
  const { providerState, logouts, oidcClients, clientDocuments, auth, clock } = deps;
  const now = () => new Date(clock.nowMs());
  const purposeOf = (idHash: Buffer) => `sso.provider/${model}/${idHash.toString("hex")}`;

  async function open(row: ItemRow | undefined): Promise<AdapterPayload | undefined> {
    if (!row) return undefined;
    const payload = openJson<AdapterPayload>(deps, row.sealed, purposeOf(row.idHash));
    if (model === "Session" && payload.accountId !== undefined && !(await isAlive(payload))) {
      await providerState.deleteItem(model, row.idHash);
      return undefined;
    }
    return row.consumedAt ? { ...payload, consumed: Math.floor(row.consumedAt.getTime() / 1_000) } : payload;
  }

  async function isAlive({ uid, accountId }: AdapterPayload): Promise<boolean> {
    const login = await providerState.findLogin(sha256(uid ?? ""));
    if (!login || login.userId !== accountId) return false;
    const { isActive, userId } = await auth.checkSession({ sessionId: login.sessionId });
    return isActive && userId === login.userId;
  }

  return {
    async upsert(id, payload, expiresIn) {
      const idHash = sha256(id);
      const { uid, grantId, accountId } = payload;
      const expiresAt = new Date(clock.nowMs() + Math.min(expiresIn || maxTtlSeconds, maxTtlSeconds) * 1_000);
      const uidHash = model === "Session" && uid !== undefined ? sha256(uid) : null;
      const login = options.loginOf();
      // Before the session is there: it never stands on nothing.
      if (uidHash && accountId !== undefined && login) {
        await providerState.upsertLogin({ ...login, uidHash, userId: accountId, expiresAt });
      }
      if (uidHash && payload.authorizations) await logouts.upsertParties(uidHash, sidsOf(payload.authorizations));
      const sealed = sealJson(deps, payload, purposeOf(idHash));
      const grantHash = grantId === undefined || model === "Session" ? null : sha256(grantId);
      const userId = accountId ?? null;
      await providerState.upsertItem({
        model,
        idHash,
        grantHash,
        uidHash,
        userId,
        sealed,
        consumedAt: null,
        expiresAt,
      });
    },
    async find(id) {
      if (model !== "Client") return open(await providerState.findItem(model, sha256(id), now()));
      // Whatever somebody sends may stand here.
      const client = await (isClientId(id) ? oidcClients.findStored(id) : clientDocuments.find(id));
      return client && (toClientMetadata(client) as AdapterPayload);
    },
    findByUid: async (uid) => open(await providerState.findItemByUid(model, sha256(uid), now())),
    // Of the device flow, which is not there.
    findByUserCode: async () => undefined,
    async consume(id) {
      if (await providerState.consumeItem(model, sha256(id), now())) return;
      const row = await providerState.findItem(model, sha256(id), now());
      if (row?.grantHash) await providerState.deleteGrant(row.grantHash);
      throw options.alreadyUsed();
    },
    destroy: (id) => providerState.deleteItem(model, sha256(id)),
    revokeByGrantId: (grantId) => providerState.deleteGrant(sha256(grantId)),
  };
}

/** What each client calls the session. */
function sidsOf(authorizations: NonNullable<AdapterPayload["authorizations"]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(authorizations).flatMap(([clientId, { sid }]) => (sid === undefined ? [] : [[clientId, sid]])),
  );
}
