import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { paymentConfig } from "./payment-config.ts";

const settings = z.object(paymentConfig);
/** Where settings are refused, and why. */
function refusalOf(payments: object): readonly unknown[] {
  const issues = settings.safeParse({ payments }).error?.issues ?? [];
  return issues.map(({ path, message }) => `${path.slice(1).join(".")}: ${message.replace("\0", " ")}`);
}
const secret = "whsec_0123456789";

test("without settings nothing can be paid: no key, no origin to come back to", () => {
  const { payments } = settings.parse({});
  assert.deepEqual(payments, {
    ...{ returnOrigins: [], minAmount: "1", maxAmount: "10000", orderTtlMs: 3_600_000, productName: "Prepaid balance" },
    stripe: { baseUrl: "https://api.stripe.com" },
  });
});

test("B25: a key without a secret of sixteen characters stops the start, for then anybody could say that they paid", () => {
  const forged =
    "stripe.webhookSecret: must have at least 16 characters: without it, payments could be forged 至少须有 16 个字符：没有它，付款可能被伪造";
  const stripe = (webhookSecret: string | undefined) => refusalOf({ stripe: { apiKey: "sk_test_1", webhookSecret } });
  for (const short of [undefined, "x".repeat(15), " ".repeat(40), `${"x".repeat(15)} `]) {
    assert.deepEqual(stripe(short), [forged], JSON.stringify(short));
  }
  assert.ok(stripe("").includes(forged));
  assert.deepEqual([stripe(secret), stripe(` ${secret} `)], [[], []]);
});

test("a secret without a key stops the start as well", () => {
  assert.deepEqual(refusalOf({ stripe: { webhookSecret: secret } }), [
    "stripe.apiKey: is needed with the webhook's secret 与 webhook 密钥须同时给出",
  ]);
});

test("amounts have at most two decimals", () => {
  for (const name of ["minAmount", "maxAmount"]) {
    for (const good of ["5", "7.50", "0.1", "999999999.99"]) assert.deepEqual(refusalOf({ [name]: good }), []);
    for (const bad of ["", "x5", "5x", ".5", "5.", "0.123", "1234567890", "-1"]) {
      assert.deepEqual(
        refusalOf({ [name]: bad }),
        [`${name}: must be an amount such as 5 or 7.50 必须是金额，例如 5 或 7.50`],
        bad,
      );
    }
  }
});

test("a payer is sent back to origins with https only, unless they are this machine", () => {
  const refused = (origin: string) => refusalOf({ returnOrigins: [origin] });
  for (const good of [
    ...[
      "https://console.example.com",
      "https://a.b:8443",
      "http://localhost:3000",
      "http://127.0.0.1",
      "http://[::1]:1",
    ],
  ]) {
    assert.deepEqual(refused(good), [], good);
  }
  const others = ["ftp://localhost", "xhttps://a.com", "httpsx://a.com", "blob:https://a.com/x"];
  for (const bad of [
    "http://example.com",
    "http://localhost.evil.com",
    "https://a.com/",
    "https://a.com/x",
    ...others,
  ]) {
    assert.deepEqual(refused(bad), [
      "returnOrigins.0: must be an origin such as https://console.example.com, with https unless it is this machine 必须是来源，例如 https://console.example.com；除本机外须使用 https",
    ]);
  }
  for (const bad of ["a.com", "", "null"]) assert.deepEqual(refused(bad), ["returnOrigins.0: Invalid URL"], bad);
  const long = (length: number) => refused(`https://${"a.".repeat(length)}com`).length;
  assert.deepEqual([long(144), long(145)], [0, 1]);
  const many = (length: number) => refusalOf({ returnOrigins: Array.from({ length }, () => "https://a.com") });
  assert.deepEqual([many(100).length, many(101).length], [0, 1]);
});

test("an order lives as long as Stripe lets one live, and what a payer sees has a name", () => {
  const isTaken = (more: object) => refusalOf(more).length === 0;
  assert.deepEqual(
    [1_799_999, 1_800_000, 86_400_000, 86_400_001, 1_800_000.5].map((orderTtlMs) => isTaken({ orderTtlMs })),
    [false, true, true, false, false],
  );
  assert.deepEqual(
    ["", "x", "x".repeat(100), "x".repeat(101)].map((productName) => isTaken({ productName })),
    [false, true, true, false],
  );
  const baseUrl = (url: string) => isTaken({ stripe: { baseUrl: url } });
  assert.deepEqual(
    ["https://api.stripe.com", "http://127.0.0.1:12111", "ftp://a.com", "xhttps://a", "httpsx://a", "api"].map(baseUrl),
    [true, true, false, false, false, false],
  );
  assert.equal(baseUrl(`https://a.com/${"x".repeat(300)}`), false);
  assert.deepEqual([isTaken({ more: 1 }), isTaken({ stripe: { more: 1 } })], [false, false]);
});

test("each setting says what it is", () => {
  const schema = z.toJSONSchema(settings, { io: "input", unrepresentable: "any" });
  const { payments } = (schema.properties ?? {}) as Record<
    string,
    { properties: Record<string, { description?: string }> }
  >;
  const { stripe, ...own } = payments?.properties ?? {};
  const described = { ...own, ...(stripe as unknown as { properties: typeof own }).properties };
  assert.equal(Object.keys(described).length, 8);
  for (const [name, { description }] of Object.entries(described)) assert.ok(description, name);
});
