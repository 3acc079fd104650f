import assert from "node:assert/strict";
import { test } from "node:test";
import { readWebhookSecret, toWebhookHeaders, toWebhookSecret } from "./standard-webhook.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const body = Buffer.from('{"test": 2432232314}');
const [id, atMs] = ["msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999];
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

test("S18: messages are signed as the example of Standard Webhooks is, with each key that counts", () => {
  const key = readWebhookSecret(secret);
  assert.ok(key);
  assert.deepEqual(toWebhookHeaders(id, atMs, body, [key]), {
    ...{ "webhook-id": id, "webhook-timestamp": "1614265330", "webhook-signature": signature },
  });
  const both = toWebhookHeaders(id, atMs, body, [Buffer.alloc(32), key])["webhook-signature"]?.split(" ");
  assert.deepEqual([both?.length, both?.[1]], [2, signature]);
  assert.equal(toWebhookHeaders(id, atMs, body, [])["webhook-signature"], undefined);
});

test("S18: a secret is 24 to 64 bytes in base64 and nothing else", () => {
  const key = readWebhookSecret(secret);
  assert.equal(key && toWebhookSecret(key), secret);
  const of = (bytes: number) => readWebhookSecret(toWebhookSecret(Buffer.alloc(bytes)))?.length;
  assert.deepEqual([of(23), of(24), of(64), of(65)], [undefined, 24, 64, undefined]);
  for (const bad of ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La=LaSw"]) {
    assert.equal(readWebhookSecret(bad), undefined);
  }
});
