import { after } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { testStripeContract } from "./stripe-contract.ts";
import { createStripeProvider } from "./stripe-provider.ts";
import { startStripeSimulator } from "./stripe-simulator.ts";

// A test key makes this the suite of Stripe's own API: LYSS_TEST_STRIPE_KEY=sk_test_… npm test -- services/billing/payments
const ownKey = process.env["LYSS_TEST_STRIPE_KEY"];
const random = createRandom(systemClock);
const simulated = { apiKey: "sk_test_simulated", webhookSecret: "whsec_simulated_secret" };
const simulator = await startStripeSimulator({ ...simulated, clock: systemClock, random });
after(() => simulator.close());

const baseUrl = ownKey ? "https://api.stripe.com" : simulator.url;
const open = (apiKey: string) => {
  const provider = createStripeProvider({
    ...{ baseUrl, clock: systemClock, random, log: silentLog, productName: "Test" },
    ...{ apiKey: new Secret(apiKey), webhookSecret: new Secret(simulated.webhookSecret) },
  });
  after(() => provider.close());
  return provider;
};

testStripeContract({
  provider: open(ownKey ?? simulated.apiKey),
  stranger: open("sk_test_of_nobody_at_all"),
  random,
  nowMs: systemClock.nowMs,
});
