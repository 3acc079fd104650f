import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { readClientProof, type ShownProof } from "./client-authentication.ts";

const none = { authorization: undefined, clientId: undefined, clientSecret: undefined, clientAssertion: undefined };
const header = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const read = (shown: Partial<ShownProof>) => {
  const found = readClientProof({ ...none, ...shown });
  if (!found) return undefined;
  const { clientId, proof } = found;
  return [clientId, proof.kind === "secret" ? proof.secret.reveal() : proof.assertion.reveal()];
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

test("a client may sign who it is (RFC 7523, 2.2): it is named by what it signed, and by the form if that says the same", () => {
  const signed = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
  const jwt = signed({ iss: "svc_1", sub: "svc_1" });
  const clientAssertion = new Secret(jwt);
  assert.deepEqual(read({ clientAssertion }), ["svc_1", jwt]);
  assert.deepEqual(read({ clientAssertion, clientId: "svc_1" }), ["svc_1", jwt]);
  for (const text of ["", "a.b.c", signed(null), signed({}), signed({ sub: 1 }), signed({ sub: "s".repeat(101) })]) {
    assert.equal(read({ clientAssertion: new Secret(text) }), undefined, text);
  }
  const others = [
    { clientId: "svc_2" },
    { clientSecret: new Secret("lys_a") },
    { authorization: header("svc_1:lys_a") },
  ];
  for (const other of others) {
    assert.throws(
      () => read({ clientAssertion, ...other }),
      (err) => isFailure(err, kitFailures.invalid_request),
    );
  }
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
