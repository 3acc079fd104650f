import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createCredentialCache } from "./credential-cache.ts";
import type { Provider } from "./model.ts";

function start() {
  const clock = createFakeClock();
  const asked: { readonly origin: string; answer(secret: string): void }[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(CredentialService, {
      revealCredential({ origin }) {
        const { promise, resolve } = Promise.withResolvers<{ secret: string }>();
        asked.push({ origin, answer: (secret) => resolve({ secret }) });
        return promise;
      },
    }),
  );
  const vault = createClient(CredentialService, transport);
  const credentials = createCredentialCache(vault, { clock, random: createRandom(clock) });
  async function question(number: number) {
    for (;;) {
      const found = asked[number - 1];
      if (found) return found;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { clock, credentials, asked, question };
}

const provider = (fields: Partial<Provider> = {}) =>
  ({ providerId: "prv_1", credentialId: "crd_1", baseUrl: "https://a.test/v1", ...fields }) as Provider;

test("a known secret is given at once, and calls that come together open it once", async () => {
  const { credentials, asked, question } = start();
  const waiting = Promise.all(Array.from({ length: 50 }, () => credentials.secretOf(provider())));
  (await question(1)).answer("s");
  assert.deepEqual(new Set(await waiting), new Set(["s"]));
  assert.equal(credentials.secretOf(provider()), "s");
  assert.equal(asked.length, 1);
});

test("a secret that was being opened when it was rotated is not remembered", async () => {
  const { credentials, question } = start();
  const before = credentials.secretOf(provider());
  const first = await question(1);
  credentials.forget("crd_1");
  const after = credentials.secretOf(provider());
  (await question(2)).answer("new");
  assert.equal(await after, "new");
  first.answer("old");
  await before;
  assert.equal(credentials.secretOf(provider()), "new");
});

test("a secret opened for one address is asked for again, and may be refused, for another", async () => {
  const { credentials, question } = start();
  const first = credentials.secretOf(provider());
  (await question(1)).answer("s");
  await first;
  const other = credentials.secretOf(provider({ baseUrl: "https://b.test/v1" }));
  assert.ok(other instanceof Promise);
  assert.equal((await question(2)).origin, "https://b.test");
});

test("with events away a secret is kept for a minute and no longer", async () => {
  const { credentials, clock, question } = start();
  const first = credentials.secretOf(provider());
  (await question(1)).answer("s");
  await first;
  clock.advance(60_000);
  assert.ok(credentials.secretOf(provider()) instanceof Promise);
  (await question(2)).answer("s");
});

test("a provider without a credential, or with one of this process, needs no vault", () => {
  const { credentials, asked } = start();
  assert.equal(credentials.secretOf(provider({ credentialId: "" })), "");
  credentials.setLocal("prv_1", "local");
  assert.equal(credentials.secretOf(provider()), "local");
  assert.equal(asked.length, 0);
});
