import { createHash, randomBytes } from "node:crypto";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { type Caller, noSession } from "@lyss/kit/rpc/call-context.ts";
import type { Topology } from "@lyss/kit/testing/each-topology.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { sso } from "@lyss/services/sso/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";
import { createTestBrowser } from "./test-browser.ts";

/** Where browsers believe the platform to be: each request goes to one of its nodes. */
export const publicUrl = "http://lyss.localhost";
export const signOnServices = [auth, billing, group, tenant, user];

/** What is started in a `before` and ends with the suite, the last first. */
export function createScope() {
  const stops: (() => Promise<void>)[] = [];
  return {
    after: (work: () => Promise<void>) => void stops.push(work),
    async end() {
      for (const stop of stops.toReversed()) await stop();
    },
  };
}

/** Two nodes of sign-on on one database, beside the real services that it calls. */
export async function startSignOn(topology: Topology, scope: ReturnType<typeof createScope>) {
  const [authClient, groups, tenants, users] = [
    topology.client(auth),
    topology.client(group),
    topology.client(tenant),
    topology.client(user),
  ];
  const service = await startTestService(scope, sso, {
    clients: { auth: authClient, group: groups, tenant: tenants, user: users },
    publicUrl,
    config: { sso: { allowPrivateProviders: true, providerTimeoutMs: 3_000 } },
  });
  const nodes = [service, await service.startNode()];
  const servers = await Promise.all(
    nodes.map(({ ops }) =>
      startTestServer({ mounted: [{ name: "sso", routes: sso.routes, ops, peerUrl: undefined }], guard: readCaller }),
    ),
  );
  scope.after(async () => {
    for (const server of servers) await server.close();
  });
  let turn = 0;
  const nextUrl = () => servers[turn++ % servers.length]?.url ?? "";
  const [first] = servers;
  if (!first) throw new Error("there are two servers");

  async function newTenant() {
    const slug = `t${randomBytes(6).toString("hex")}`;
    const { tenant: made } = await tenants.createTenant({ name: slug, slug, plan: "free" });
    const tenantId = made?.tenantId ?? "";
    await tenants.activateTenant({ tenantId });
    return { tenantId, slug };
  }

  return {
    ...{
      service,
      nodes,
      authClient,
      groups,
      tenants,
      users,
      newTenant,
      call: first.call,
      firstUrl: first.url,
      nextUrl,
    },
    newBrowser: () => createTestBrowser(publicUrl, nextUrl),
    /** Sets up a connection as an administrator would; gives its id. */
    async connect(tenantId: string, body: Readonly<Record<string, unknown>>): Promise<string> {
      const { status, json } = await first.call(
        `${tenantId}/usr_admin/sso:manage,group:manage`,
        "POST",
        "/api/v1/sso/connections",
        body,
      );
      if (status !== 201) throw new Error(JSON.stringify(json));
      return json.id;
    },
    /** What the next address offers for a code. */
    async exchange(code: string, codeVerifier: string) {
      const answer = await fetch(`${nextUrl()}/api/v1/sso/exchange`, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": "test" },
        body: JSON.stringify({ code, code_verifier: codeVerifier }),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, never> };
    },
  };
}

export type SignOnWorld = Awaited<ReturnType<typeof startSignOn>>;

/** The bearer token is the caller: `<tenant>/<person>/<permissions>/<session>`. */
function readCaller({
  headers: { authorization },
}: {
  headers: { authorization?: string | undefined };
}): Caller | undefined {
  const [tenantId, userId, permissions, sessionId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
  if (!tenantId || !userId || !permissions) return undefined;
  return { tenantId, userId, keyId: "", ...noSession, sessionId, permissions: permissions.split(","), models: [] };
}

/** A verifier and its challenge (RFC 7636). */
export function newVerifier() {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

/** Where a sign-in begins. */
export function startUrl(connectionId: string, challenge: string, returnTo = "/console"): string {
  const query = new URLSearchParams({ return_to: returnTo, code_challenge: challenge });
  return `${publicUrl}/api/v1/sso/${connectionId}/start?${query}`;
}

/** True for the page that a sign-in comes back to. */
export const isConsole = (url: URL): boolean => url.href.startsWith(`${publicUrl}/console`);
