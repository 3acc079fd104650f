import assert from "node:assert/strict";
import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { FakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { generateSync } from "otplib";
import type { AuthOps } from "../../ops.ts";
import type { Proof } from "../factor-model.ts";
import { createSoftAuthenticator } from "./soft-authenticator.ts";

export const clientAddress = "203.0.113.7";
/** A sign-in whose password was right. */
export const withPassword = { role: "member", methods: ["pwd"], clientAddress, userAgent: "test" };

/** The code of an app, `steps` time steps from now. */
export function codeOf(clock: Pick<Clock, "nowMs">, secret: Secret, steps = 0): string {
  const epoch = Math.floor(clock.nowMs() / 1_000) + steps * 30;
  return generateSync({ strategy: "totp", secret: secret.reveal(), epoch });
}

/** People with factors, at auth itself. */
export function createFactorPeople({ ops, clock, random }: { ops: AuthOps; clock: FakeClock; random: Random }) {
  async function newPerson() {
    const who = { tenantId: "ten_a", userId: random.id("usr") };
    const { sessionId } = await ops.startSession({ ...who, ...withPassword });
    return { ...who, clientAddress, sessionId, endOtherSessions: false };
  }
  type Person = Awaited<ReturnType<typeof newPerson>>;

  return {
    newPerson,

    /** Signed in, with an app; its next code was not used yet. */
    async withTotp() {
      const ann = await newPerson();
      const { factorId, secret } = await ops.enrolTotp({ ...ann, name: "phone", accountName: "ann" });
      const { recoveryCodes } = await ops.confirmTotp({ ...ann, factorId, code: codeOf(clock, secret) });
      clock.advance(30_000);
      return { ann, factorId, secret, recoveryCodes };
    },

    async withPasskey(person?: Person) {
      const ann = person ?? (await newPerson());
      const device = createSoftAuthenticator();
      const options = await ops.startPasskey({ ...ann, accountName: "ann" });
      await ops.addPasskey({ ...ann, name: "laptop", response: device.create(options) });
      return { ann, device };
    },

    /** What a person with factors gets for a right password. */
    async signIn({ tenantId, userId }: Pick<Person, "tenantId" | "userId">) {
      const started = await ops.beginSession({ tenantId, userId, ...withPassword });
      return started.kind === "factor_required" ? started.required : assert.fail("a password was enough");
    },

    finish(challengeToken: Secret, proof: Proof, node = ops) {
      return node.verifyChallenge({ challengeToken, proof, clientAddress });
    },
  };
}

export type FactorPeople = ReturnType<typeof createFactorPeople>;
