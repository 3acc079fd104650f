import { answerRefused } from "../answer-refused.ts";
import { attributeOf, childOf, childrenOf, countIn, elementsOf, isElement, type XmlElement } from "./xml.ts";

const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const signatureMethods = [
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
  "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
];
const digestMethods = ["http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512"];

/**
 * Holds a response to the one form that is believed, before a signature is looked at: one assertion, right below the response;
 * signed itself, and perhaps the response too; no signature anywhere else; each over its own parent alone, with SHA-256 or
 * better, exclusive canonicalisation and no other transform (SAML Core, 5.4). No wrapping has that form. Throws
 * `answer_refused`.
 */
export function requireSoundSignatures(response: XmlElement, assertion: XmlElement): void {
  const own = childrenOf(assertion, "signature", "Signature");
  const outer = childrenOf(response, "signature", "Signature");
  const isSound =
    countIn(response, "assertion", "Assertion") === 1 &&
    countIn(response, "protocol", "Response") === 1 &&
    countIn(response, "signature", "Signature") === own.length + outer.length &&
    countIn(response, "signature", "Object") === 0 &&
    own.length === 1 &&
    outer.length <= 1 &&
    [...own, ...outer].every(isOfParentAlone);
  if (!isSound) throw answerRefused("signature");
}

function isOfParentAlone(signature: XmlElement): boolean {
  const id = attributeOf(signature.parentNode ?? undefined, "ID");
  const info = childOf(signature, "signature", "SignedInfo");
  const reference = info && childOf(info, "signature", "Reference");
  const transforms = reference && childOf(reference, "signature", "Transforms");
  if (!id || !info || !reference || !transforms) return false;
  const digest = childOf(reference, "signature", "DigestMethod");
  const method = childOf(info, "signature", "SignatureMethod");
  const canonical = childOf(info, "signature", "CanonicalizationMethod");
  const given = elementsOf(transforms).map((one) => attributeOf(one, "Algorithm"));
  return (
    attributeOf(reference, "URI") === `#${id}` &&
    signatureMethods.includes(attributeOf(method, "Algorithm") ?? "") &&
    digestMethods.includes(attributeOf(digest, "Algorithm") ?? "") &&
    attributeOf(canonical, "Algorithm") === exclusive &&
    given.join(" ") === `${enveloped} ${exclusive}` &&
    elementsOf(transforms).every((one) => isElement(one, "signature", "Transform"))
  );
}
