import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { defineService } from "../service/define-service.ts";
import { startTestService } from "../testing/start-service.ts";
import { saga } from "./saga.ts";

interface RegistrationOps {
  createPerson(email: string, key: string): Promise<string>;
  deletePerson(key: string): Promise<void>;
  openWallet(personId: string, key: string): Promise<string>;
  greet(personId: string, key: string): Promise<void>;
}

const registerPerson = saga<{ email: string }, RegistrationOps>("register-person", { timeoutMs: 3_600_000 })
  .step("person", {
    run: ({ ops, input, idempotencyKey }) => ops.createPerson(input.email, idempotencyKey),
    compensate: ({ ops, idempotencyKey }) => ops.deletePerson(idempotencyKey),
  })
  .waitFor("confirmation", { schema: z.object({ code: z.string().max(20) }), timeoutMs: 600_000 })
  .pivot()
  .parallel({
    wallet: { run: ({ ops, results, idempotencyKey }) => ops.openWallet(results.person, idempotencyKey) },
    greeting: {
      run: ({ ops, results, idempotencyKey }) => ops.greet(results.person, idempotencyKey),
      retry: { maxAttempts: 10 },
      timeoutMs: 5_000,
    },
  })
  .build();

test("the guide's example: a person is registered once the address is confirmed", { timeout: 60_000 }, async (t) => {
  const done: string[] = [];
  const registration = defineService({
    name: "test-registration",
    needs: {},
    publishes: [],
    hears: [],
    config: {},
    migrations: new URL("../testing/testdata/event-log/", import.meta.url),
    workflows: [registerPerson],
    routes: [],
    async start({ workflows }) {
      const ops: RegistrationOps = {
        async createPerson(email) {
          done.push(`create ${email}`);
          return "usr_1";
        },
        async deletePerson() {},
        async openWallet(personId) {
          done.push(`wallet of ${personId}`);
          return "wal_1";
        },
        async greet() {},
      };
      return {
        ops: {
          ...ops,
          register: (email: string) => workflows.start(registerPerson, { id: email, input: { email } }),
          confirm: (email: string, code: string) => workflows.send(registerPerson, email, "confirmation", { code }),
        },
      };
    },
  });

  const { ops } = await startTestService(t, registration, { clients: {} });
  const run = await ops.register("ann@example.com");
  await ops.confirm("ann@example.com", "1234");
  assert.deepEqual(await run.result(20_000), {
    state: "done",
    results: { person: "usr_1", confirmation: { code: "1234" }, wallet: "wal_1", greeting: undefined },
  });
  assert.deepEqual(done, ["create ann@example.com", "wallet of usr_1"]);
});
