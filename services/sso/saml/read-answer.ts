import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { answerRefused } from "../answer-refused.ts";
import { type Assertion, limits, type SamlConnection } from "../model.ts";
import { parseCertificate } from "./certificate.ts";
import { serviceProviderOf } from "./service-provider.ts";
import { requireSoundSignatures } from "./signatures.ts";
import { attributeOf, childOf, childrenOf, countIn, isElement, parseXml, textOf, type XmlElement } from "./xml.ts";

/** How far the provider's clock may be from ours. */
export const maxSkewMs = 60_000;

const success = "urn:oasis:names:tc:SAML:2.0:status:Success";
const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const emailFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const transientFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/** What an answer has to fit. */
export interface AwaitedAnswer {
  readonly publicUrl: string;
  /** Of the request that was sent. */
  readonly requestId: string;
  readonly nowMs: number;
}

/** What the provider says of whoever came back; the assertion's id does not come twice before `goodUntilMs`. */
export interface SamlAnswer {
  readonly assertion: Assertion;
  readonly assertionId: string;
  readonly goodUntilMs: number;
}

/**
 * Reads a response (base64, at most 256 KiB of XML) and checks it as the Web Browser SSO profile asks (SAML Profiles, 4.1.4.3).
 * What is told comes from the very bytes that the signature covers. Throws `answer_refused` and `provider_refused`.
 */
export async function readSamlAnswer(
  connection: SamlConnection,
  samlResponse: string,
  awaited: AwaitedAnswer,
): Promise<SamlAnswer> {
  const text = decode(samlResponse);
  const response = await parseXml(text);
  requireAwaited(response, connection, awaited);
  const assertion = childOf(response, "assertion", "Assertion");
  if (!assertion) throw answerRefused("document");
  requireSoundSignatures(response, assertion);
  const signed = await readSigned(text, { response, assertion }, connection.party);
  return readAssertion(await parseXml(signed), connection, awaited);
}

/** The assertion as the provider's key covers it; where the response is signed too, that signature holds as well. */
async function readSigned(
  text: string,
  { response, assertion }: { readonly response: XmlElement; readonly assertion: XmlElement },
  { certificates }: SamlConnection["party"],
): Promise<string> {
  const { getVerifiedXml } = await import("@node-saml/node-saml/lib/xml.js");
  const keys = certificates.flatMap((one) => parseCertificate(one)?.toString() ?? []);
  const isOuterSigned = childrenOf(response, "signature", "Signature").length > 0;
  try {
    const outer = isOuterSigned ? getVerifiedXml(text, response as never, keys) : "";
    const signed = getVerifiedXml(text, assertion as never, keys);
    if (outer !== null && signed !== null) return signed;
  } catch (err) {
    throw answerRefused("signature", err);
  }
  throw answerRefused("signature");
}

function decode(samlResponse: string): string {
  const bytes = Buffer.from(samlResponse, "base64");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (err) {
    throw answerRefused("document", err);
  }
}

/** Refuses what is not a successful answer to the request, for us, in the clear. */
function requireAwaited(response: XmlElement, { connectionId, party }: SamlConnection, awaited: AwaitedAnswer): void {
  const { acsUrl } = serviceProviderOf(awaited.publicUrl, connectionId);
  const isResponse = isElement(response, "protocol", "Response") && attributeOf(response, "Version") === "2.0";
  if (!isResponse) throw answerRefused("document");
  if ((attributeOf(response, "Destination") ?? acsUrl) !== acsUrl) throw answerRefused("audience");
  if (attributeOf(response, "InResponseTo") !== awaited.requestId) throw answerRefused("claims");
  const issuer = childOf(response, "assertion", "Issuer");
  if (issuer && textOf(issuer) !== party.entityId) throw answerRefused("issuer");
  const status = childOf(response, "protocol", "Status");
  const code = status && childOf(status, "protocol", "StatusCode");
  if (attributeOf(code, "Value") !== success) throw refusedWith(code);
  const isEncrypted = ["EncryptedAssertion", "EncryptedID", "EncryptedAttribute"].some(
    (name) => countIn(response, "assertion", name) > 0,
  );
  if (isEncrypted) throw answerRefused("encrypted");
}

/** The provider's own reason: the inner code says more than the outer. */
function refusedWith(code: XmlElement | undefined): Failure {
  const inner = code && childOf(code, "protocol", "StatusCode");
  const value = attributeOf(inner ?? code, "Value") ?? "";
  const reason = /^urn:oasis:names:tc:SAML:2\.0:status:([A-Za-z]{1,64})$/.exec(value)?.[1] ?? "error";
  return new Failure(ssoFailures.provider_refused, { reason });
}

function readAssertion(assertion: XmlElement, connection: SamlConnection, awaited: AwaitedAnswer): SamlAnswer {
  const assertionId = attributeOf(assertion, "ID") ?? "";
  const isAssertion = isElement(assertion, "assertion", "Assertion") && attributeOf(assertion, "Version") === "2.0";
  if (!isAssertion || !/^[A-Za-z_][\w.-]{0,254}$/.test(assertionId)) throw answerRefused("document");
  if (textOf(childOf(assertion, "assertion", "Issuer")) !== connection.party.entityId) throw answerRefused("issuer");
  const subject = childOf(assertion, "assertion", "Subject");
  if (!subject) throw answerRefused("subject");
  const goodUntilMs = readConfirmation(subject, connection, awaited);
  requireConditions(assertion, connection, awaited);
  const session = readAuthentication(assertion, awaited.nowMs);
  const told = { ...readPerson(subject, assertion, connection), ...session };
  return { assertion: told, assertionId, goodUntilMs: goodUntilMs + maxSkewMs };
}

/** Until when the bearer may show it: to us, in answer to the request. */
function readConfirmation(subject: XmlElement, { connectionId }: SamlConnection, awaited: AwaitedAnswer): number {
  const { acsUrl } = serviceProviderOf(awaited.publicUrl, connectionId);
  const found = childrenOf(subject, "assertion", "SubjectConfirmation")
    .filter((one) => attributeOf(one, "Method") === bearer)
    .map((one) => childOf(one, "assertion", "SubjectConfirmationData"));
  const [data] = found;
  if (!data || found.length > 1) throw answerRefused("subject");
  if (attributeOf(data, "Recipient") !== acsUrl) throw answerRefused("audience");
  if (attributeOf(data, "InResponseTo") !== awaited.requestId) throw answerRefused("claims");
  const untilMs = requireWindow(data, awaited.nowMs);
  if (untilMs === undefined) throw answerRefused("expired");
  return untilMs;
}

function requireConditions(assertion: XmlElement, { connectionId }: SamlConnection, awaited: AwaitedAnswer): void {
  const { entityId } = serviceProviderOf(awaited.publicUrl, connectionId);
  const conditions = childOf(assertion, "assertion", "Conditions");
  if (!conditions) throw answerRefused("audience");
  requireWindow(conditions, awaited.nowMs);
  const restrictions = childrenOf(conditions, "assertion", "AudienceRestriction");
  const isForUs = restrictions.every((one) =>
    childrenOf(one, "assertion", "Audience").some((audience) => textOf(audience) === entityId),
  );
  if (restrictions.length === 0 || !isForUs) throw answerRefused("audience");
}

function readAuthentication(assertion: XmlElement, nowMs: number) {
  const statements = childrenOf(assertion, "assertion", "AuthnStatement");
  const [statement] = statements;
  if (!statement) throw answerRefused("document");
  const ends = statements.map((one) => timeOf(one, "SessionNotOnOrAfter")).filter((time) => time !== undefined);
  const notAfterMs = ends.length === 0 ? undefined : Math.min(...ends);
  if (notAfterMs !== undefined && notAfterMs <= nowMs) throw answerRefused("expired");
  const index = attributeOf(statement, "SessionIndex");
  return { notAfterMs, providerSession: index && index.length <= limits.subjectLength ? index : undefined };
}

/** Refuses what is not valid yet or no more; gives the end. */
function requireWindow(element: XmlElement, nowMs: number): number | undefined {
  const [from, until] = [timeOf(element, "NotBefore"), timeOf(element, "NotOnOrAfter")];
  const isEarly = from !== undefined && nowMs + maxSkewMs < from;
  if (isEarly || (until !== undefined && nowMs - maxSkewMs >= until)) throw answerRefused("expired");
  return until;
}

/** SAML Core, 1.3.3: UTC, and nothing else. */
function timeOf(element: XmlElement, name: string): number | undefined {
  const text = attributeOf(element, name);
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw answerRefused("document");
  return time;
}

function readPerson(subject: XmlElement, assertion: XmlElement, { rules }: SamlConnection) {
  const nameId = childOf(subject, "assertion", "NameID");
  const name = textOf(nameId);
  const format = attributeOf(nameId, "Format");
  if (format === transientFormat) throw answerRefused("transient");
  if (name === "" || name.length > limits.subjectLength) throw answerRefused("subject");
  const told = attributesOf(assertion);
  const first = (attribute: string) => told.get(attribute)?.find((text) => text !== "" && text.length <= 1_000);
  const { claims } = rules;
  return {
    ...{ subject: name, email: first(claims.email) ?? (format === emailFormat ? name : undefined) },
    ...{ name: first(claims.name), isEmailVerified: first("email_verified") === "true" },
    groups: (told.get(claims.groups) ?? [])
      .filter((group) => group !== "" && group.length <= limits.groupLength)
      .slice(0, limits.groupsPerPerson),
  };
}

function attributesOf(assertion: XmlElement): ReadonlyMap<string, readonly string[]> {
  const told = new Map<string, string[]>();
  for (const statement of childrenOf(assertion, "assertion", "AttributeStatement")) {
    for (const attribute of childrenOf(statement, "assertion", "Attribute")) {
      const values = childrenOf(attribute, "assertion", "AttributeValue").map(textOf);
      const name = attributeOf(attribute, "Name") ?? "";
      told.set(name, [...(told.get(name) ?? []), ...values]);
    }
  }
  return told;
}
