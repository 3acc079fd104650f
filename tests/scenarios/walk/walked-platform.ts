import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { postgres } from "@lyss/kit/db/driver.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { services } from "../../../apps/platform/services.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../../run-platform.ts";

/** Every route of the program: one that is added tomorrow is walked tomorrow. */
export const allRoutes: readonly Route<never>[] = services.flatMap((service) => service.routes);

/** Who sends a request. `powerless` is a good key that opens nothing; `person` is the operator, signed in a moment ago. */
export type Identity = "nobody" | "forged" | "powerless" | "viewer" | "owner" | "operator" | "person";

export const viewerPermissions = permissionsByRole["viewer"] ?? [];

export interface Attack {
  readonly method: string;
  /** As it goes out: nothing is resolved, encoded or put in order. */
  readonly target: string;
  readonly as?: Identity;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A platform to be attacked, on a database that can be looked at. */
export interface WalkedPlatform {
  readonly platform: RunningPlatform;
  readonly sql: ReturnType<typeof postgres>;
  send(attack: Attack): Promise<Answer>;
}

/** Starts it, with limits on requests that no walk reaches; it ends with the scope. */
export async function runWalkedPlatform(t: TestScope, config: object = {}): Promise<WalkedPlatform> {
  const scope = closeInReverse(t);
  const { url } = await createOwnServer(scope).start();
  const sql = postgres(url, { max: 2 });
  scope.after(() => sql.end());
  const platform = await runPlatform(scope, {
    config: {
      database: { url },
      log: { level: "error" },
      rateLimits: { perAddress: { limit: 10_000_000, windowMs: 1_000 } },
      ...config,
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  scope.after(async () => agent.destroy());
  const credentials: Record<Identity, string> = {
    nobody: "",
    forged: `lyss_${"0".repeat(36)}`,
    powerless: await createKey(platform, ["nothing:at-all"]),
    viewer: await createKey(platform, viewerPermissions),
    owner: await createKey(platform, ["*"]),
    operator: platform.apiKey,
    person: await signIn(platform),
  };
  const scimToken = await createScimToken(platform);
  // The platform's credentials open nothing there, not even an operator's.
  const credentialOf = (as: Identity, target: string) =>
    as === "operator" && target.startsWith("/scim/v2/") ? scimToken : credentials[as];

  function send({ method, target, as = "nobody", headers = {}, body }: Attack): Promise<Answer> {
    const { hostname, port } = new URL(platform.url);
    const credential = credentialOf(as, target);
    return new Promise((resolve, reject) => {
      const options = {
        ...{ agent, hostname, port, method, path: target },
        headers: {
          ...(credential !== "" && { authorization: `Bearer ${credential}` }),
          ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...headers,
        },
      };
      const req = request(options, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString() }),
        );
      });
      req.on("error", (err) => reject(new Error(`${method} ${target.slice(0, 200)}`, { cause: err })));
      req.end(body);
    });
  }

  return { platform, sql, send };
}

async function signIn({ url, dataDir }: RunningPlatform): Promise<string> {
  const { adminEmail, adminPassword } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
  const body = { email: adminEmail, password: adminPassword };
  const answer = await requestJson(`${url}/api/v1/users/login`, "", { body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return String(answer.body["access_token"]);
}

/** Of a sign-on connection of the operator's tenant. */
async function createScimToken({ url, apiKey }: RunningPlatform): Promise<string> {
  const path = `${url}/api/v1/sso/connections`;
  const body = { kind: "oidc", name: "Walk", issuer: "https://id.example.com", client_id: "lyss", client_secret: "x" };
  const connection = await requestJson(path, apiKey, { body });
  assert.equal(connection.status, 201, JSON.stringify(connection.body));
  const token = await requestJson(`${path}/${connection.body["id"]}/scim-tokens`, apiKey, { body: {} });
  assert.equal(token.status, 201, JSON.stringify(token.body));
  return String(token.body["secret"]);
}

async function createKey({ url, apiKey }: RunningPlatform, permissions: readonly string[]): Promise<string> {
  const { status, body } = await requestJson(`${url}/v1/keys`, apiKey, { body: { name: "walk", permissions } });
  assert.equal(status, 201, JSON.stringify(body));
  return String(body["secret"]);
}

/** A path with something in the place of each parameter. */
export function fillPath(template: string, value = "x1"): string {
  return template.replace(/\{\w+\}/g, value);
}

/** Runs `work` for all of `items`, so many at a time. */
export async function forAll<Item>(items: readonly Item[], work: (item: Item) => Promise<void>, atOnce = 24) {
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
