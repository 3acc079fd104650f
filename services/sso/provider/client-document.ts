import { z } from "zod";
import type { SsoDeps } from "../deps.ts";
import type { ClientDocuments } from "./client-documents.ts";
import { type Client, type ClientId, clientFields, clientLimits, clientScopes } from "./client-model.ts";
import type { StoredClient } from "./client-store.ts";

/** So long what a client says of itself is taken for true, and so long it may be out of reach before it is not known any more. */
const freshForMs = 3_600_000;
const staleForMs = 86_400_000;
/** One that could not be read is left alone for so long; so many of these are remembered. */
const failedForMs = 60_000;
const maxFailed = 1_000;
/** Documents that are read at the same time. */
const maxReads = 8;
const maxDocumentLength = 65_536;

/** Whether it is the address at which a client says what it is (draft-ietf-oauth-client-id-metadata-document, 3). */
export function isDocumentId(text: string, allowsHttp: boolean): text is ClientId {
  if (text.length > clientLimits.uriLength || !/^https?:\/\/[\x21-\x7e]+$/.test(text) || /[\\#@]/.test(text))
    return false;
  if (!URL.canParse(text)) return false;
  const { href, protocol, pathname } = new URL(text);
  // As it is written: no other way to say the same, no dots, and a path.
  return href === text && pathname !== "/" && (protocol === "https:" || allowsHttp);
}

const document = z.looseObject({
  client_id: z.string(),
  client_name: clientFields.name.optional(),
  redirect_uris: clientFields.redirectUris,
  // A secret that stands where anybody reads it is none, and keys of its own are not asked for.
  token_endpoint_auth_method: z.literal("none").default("none"),
  client_secret: z.never().optional(),
});

type Deps = Pick<SsoDeps, "db" | "oidcClients" | "fetchFrom" | "guard" | "clock" | "settings" | "log">;

export function createClientDocuments(deps: Deps): ClientDocuments {
  const { oidcClients, clock, settings, guard, log } = deps;
  const reading = new Map<string, Promise<StoredClient | undefined>>();
  const failed = new Map<string, number>();

  async function readAnew(clientId: ClientId, known: StoredClient | undefined): Promise<StoredClient | undefined> {
    try {
      return await keep(deps, await readDocument(deps, clientId));
    } catch (err) {
      log.warn({ err, client_id: clientId }, "what a client says of itself could not be read");
      if (failed.size >= maxFailed) failed.clear();
      failed.set(clientId, clock.monotonicMs() + failedForMs);
      return known;
    }
  }

  return {
    async find(clientId) {
      if (settings.clientRegistration !== "open" || !isDocumentId(clientId, guard === undefined)) return undefined;
      const known = await oidcClients.findStored(clientId);
      const ageMs = known ? clock.nowMs() - known.updatedAt.getTime() : staleForMs;
      if (known && ageMs < freshForMs) return known;
      const usable = ageMs < staleForMs ? known : undefined;
      if ((failed.get(clientId) ?? 0) > clock.monotonicMs()) return usable;
      const begun = reading.get(clientId);
      if (begun) return begun;
      if (reading.size >= maxReads) return usable;
      const read = readAnew(clientId, usable).finally(() => reading.delete(clientId));
      reading.set(clientId, read);
      return read;
    },
  };
}

/** Throws whatever is wrong with it. */
async function readDocument({ fetchFrom, clock }: Deps, clientId: ClientId): Promise<Client> {
  const answer = await fetchFrom(new URL(clientId), { method: "GET", headers: { accept: "application/json" } });
  if (answer.status !== 200) throw new Error(`it is answered with status ${answer.status}`);
  const text = await answer.text();
  if (text.length > maxDocumentLength) throw new Error(`it is longer than ${maxDocumentLength} characters`);
  const said = document.parse(JSON.parse(text));
  if (said.client_id !== clientId) throw new Error("it is another client's");
  const { host } = new URL(clientId);
  const now = new Date(clock.nowMs());
  return {
    // Whose it is stands beside what it calls itself.
    ...{
      clientId,
      tenantId: "",
      name: said.client_name ? `${said.client_name} (${host})` : host,
      isConfidential: false,
    },
    ...{ redirectUris: said.redirect_uris, postLogoutRedirectUris: [], scopes: clientScopes },
    ...{ backchannelLogoutUri: null, backchannelLogoutSessionRequired: false },
    ...{ version: 1, createdAt: now, updatedAt: now },
  };
}

/** Throws where there are as many as may register themselves. */
async function keep({ db, oidcClients, settings }: Deps, client: Client): Promise<StoredClient> {
  return db.transaction(async (tx) => {
    await oidcClients.lockTenant(tx, "");
    const before = await oidcClients.lockClient(tx, "", client.clientId);
    const { createdAt, version } = before ?? client;
    const row: StoredClient = { ...client, createdAt, version: before ? version + 1 : 1, secretHash: null };
    if (before) await oidcClients.updateClient(tx, row);
    else if ((await oidcClients.countClients(tx, "")) < settings.maxRegisteredClients)
      await oidcClients.insertClient(tx, row);
    else throw new Error("too many clients have registered themselves");
    return row;
  });
}
