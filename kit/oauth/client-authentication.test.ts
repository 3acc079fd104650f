import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { readClientProof, type ShownProof } from "./client-authentication.ts";

const none = { authorization: undefined, clientId: undefined, clientSecret: undefined };
const header = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const read = (shown: Partial<ShownProof>) => {
  const found = readClientProof({ ...none, ...shown });
  return found && [found.clientId, found.clientSecret.reveal()];
};

test("a client shows its proof in the header, encoded as a form, or in the form (RFC 6749, 2.3.1)", () => {
  assert.deepEqual(read({ authorization: header("svc_1:lys_a") }), ["svc_1", "lys_a"]);
  assert.deepEqual(read({ authorization: header("a%3Ab:c+d%25:e"), clientId: "a:b" }), ["a:b", "c d%:e"]);
  assert.deepEqual(read({ clientId: "svc_1", clientSecret: new Secret("lys_a") }), ["svc_1", "lys_a"]);
});

test("what cannot be read, or is half of it, is no proof", () => {
  const strange = ["", "Bearer a", "Basic", "Basic !", header("no colon"), header(":b"), header("a:"), header("%zz:b")];
  for (const authorization of [...strange, header(`a:${"b".repeat(4_000)}`)]) {
    assert.equal(read({ authorization }), undefined, authorization.slice(0, 40));
  }
  assert.equal(read({ clientId: "svc_1" }), undefined);
  assert.equal(read({ clientSecret: new Secret("lys_a") }), undefined);
});

test("two ways at once, and two names, are refused", () => {
  const authorization = header("svc_1:lys_a");
  for (const other of [{ clientSecret: new Secret("lys_a") }, { clientId: "svc_2" }]) {
    assert.throws(
      () => read({ authorization, ...other }),
      (err) => isFailure(err, kitFailures.invalid_request),
    );
  }
});
