import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { type Configuration } from "oidc-provider";

/** What the provider says of the person who signs in next. */
export interface TestAccount {
  readonly sub: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A real OpenID provider (oidc-provider) on loopback, at which whoever comes is `account` and consents. */
export async function startOpenIdProvider(t: { after(work: () => Promise<void>): void }) {
  let handler: (req: IncomingMessage, res: ServerResponse) => void = (_req, res) => void res.writeHead(503).end();
  const server = createServer((req, res) => handler(req, res)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let account: TestAccount = { sub: "", claims: {} };
  let provider: Provider | undefined;

  async function newKeys() {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const kid = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");
    return { keys: [{ ...(await exportJWK(privateKey)), kid, alg: "RS256", use: "sig" }] };
  }

  return {
    issuer,
    signInAs(next: TestAccount) {
      account = next;
    },
    /** Starts it, or starts it anew with other keys. */
    async open(client: { readonly redirectUris: string[]; readonly backchannelLogoutUri?: string }) {
      const config: Configuration = {
        clients: [
          {
            ...{ client_id: "lyss", client_secret: "a secret of the client", redirect_uris: client.redirectUris },
            post_logout_redirect_uris: ["http://lyss.localhost/bye"],
            ...(client.backchannelLogoutUri && {
              backchannel_logout_uri: client.backchannelLogoutUri,
              backchannel_logout_session_required: true,
            }),
          },
        ],
        jwks: await newKeys(),
        cookies: { keys: ["test"] },
        // Its own would not call loopback.
        fetch(url, options) {
          const { dispatcher: _own, ...rest } = options as RequestInit & { dispatcher?: unknown };
          return fetch(url, rest);
        },
        conformIdTokenClaims: false,
        claims: { openid: ["sub", "sid"], email: ["email", "email_verified"], profile: ["name", "groups"] },
        features: {
          devInteractions: { enabled: false },
          backchannelLogout: { enabled: true },
          rpInitiatedLogout: {
            enabled: true,
            logoutSource(ctx, form) {
              ctx.body = form;
            },
          },
        },
        interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
        findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...account.claims, sub }) }),
        async loadExistingGrant(ctx) {
          const grant = new ctx.oidc.provider.Grant({
            clientId: ctx.oidc.client?.clientId ?? "",
            accountId: ctx.oidc.session?.accountId ?? "",
          });
          grant.addOIDCScope("openid email profile");
          await grant.save();
          return grant;
        },
      };
      const opened = new Provider(issuer, config);
      provider = opened;
      const serve = opened.callback();
      handler = (req, res) => {
        if (!req.url?.startsWith("/interaction/")) return void serve(req, res);
        opened.interactionFinished(req, res, { login: { accountId: account.sub } }).catch(() => res.destroy());
      };
    },
    /** Answers 503 to everything. */
    goDown() {
      handler = (_req, res) => void res.writeHead(503).end();
    },
    provider: () => provider,
  };
}
