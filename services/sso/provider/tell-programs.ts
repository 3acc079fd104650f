import type { Tx } from "@lyss/kit/db/database.ts";
import { FetchError } from "@lyss/kit/http/guarded-fetch.ts";
import type { SsoDeps } from "../deps.ts";
import { idTokenTtlMs } from "./configuration.ts";
import type { LogoutNotice } from "./logout-store.ts";
import { signLogoutToken } from "./logout-token.ts";
import { mount } from "./openid-provider.ts";
import { keepProviderKeys } from "./provider-keys.ts";

/** After each try; the last one from then on. */
const delaysMs = [10_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000];
/** Longer than this no program is told: its own session is over or was shown to be void. */
const noticeTtlMs = 86_400_000;

/** What a session that is over, or a person who is gone, has to do with programs: those that want to hear it will. A repeat is safe. */
export async function noteLogouts(
  { logouts, clock }: Pick<SsoDeps, "logouts" | "clock">,
  tx: Tx,
  which: { readonly sessionId: string | undefined; readonly userId: string },
): Promise<void> {
  const nowMs = clock.nowMs();
  await logouts.insertNotices(tx, which, { now: new Date(nowMs), expiresAt: new Date(nowMs + noticeTtlMs) });
}

type TellDeps = Pick<
  SsoDeps,
  "db" | "logouts" | "providerState" | "fetchFrom" | "settings" | "clock" | "random" | "sealingKey" | "log"
>;

/**
 * Tells programs of sessions that are over, by a token that they can verify. Whoever is away, or broken, is told again for a day; who
 * refuses the token is not. What was broken off is done again, so a program may be told twice.
 */
export async function tellPrograms(deps: TellDeps): Promise<void> {
  const now = new Date(deps.clock.nowMs());
  const due = await deps.db.transaction((tx) => deps.logouts.takeDue(tx, { now, delaysMs }));
  if (due.length === 0) return;
  const [key] = await keepProviderKeys(deps, idTokenTtlMs);
  if (!key) throw new Error("there is no key that signs");
  await Promise.all(due.map((notice) => tell(deps, { key, issuer: deps.settings.publicUrl + mount }, notice)));
}

async function tell(
  deps: TellDeps,
  signer: Parameters<typeof signLogoutToken>[1],
  notice: LogoutNotice,
): Promise<void> {
  const { logouts, log } = deps;
  const { noticeId, clientId, tries, uri } = notice;
  // It does not want to be told any more.
  if (uri === "") return logouts.deleteNotice(noticeId);
  const outcome = await send(deps, uri, await signLogoutToken(deps, signer, notice));
  if (outcome === "told" || outcome === "refused") await logouts.deleteNotice(noticeId);
  if (outcome !== "told") log.warn({ client_id: clientId, outcome, tries }, "a program was not told of a logout");
}

/** `refused` where a repeat would be as well; else why it is to be tried again. */
async function send({ fetchFrom }: TellDeps, uri: string, token: string): Promise<"told" | "refused" | string> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams({ logout_token: token }).toString();
  try {
    const { status } = await fetchFrom(new URL(uri), { method: "POST", headers, body });
    if (status === 200 || status === 204) return "told";
    return status === 400 ? "refused" : `status ${status}`;
  } catch (err) {
    if (err instanceof FetchError) return err.reason;
    throw err;
  }
}
