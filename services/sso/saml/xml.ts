import { answerRefused } from "../answer-refused.ts";

/** As much of a DOM element as is read here. */
export interface XmlElement {
  readonly namespaceURI: string | null;
  readonly localName: string;
  readonly textContent: string | null;
  readonly childNodes: ArrayLike<XmlElement & { readonly nodeType: number }>;
  readonly parentNode: XmlElement | null;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  getElementsByTagNameNS(namespace: string, name: string): ArrayLike<XmlElement>;
}

export const namespaces = {
  protocol: "urn:oasis:names:tc:SAML:2.0:protocol",
  assertion: "urn:oasis:names:tc:SAML:2.0:assertion",
  metadata: "urn:oasis:names:tc:SAML:2.0:metadata",
  signature: "http://www.w3.org/2000/09/xmldsig#",
} as const;
export type Namespace = keyof typeof namespaces;

export const maxXmlBytes = 262_144;
const maxMarks = 5_000;
const elementNode = 1;

/**
 * The root of a document. Refused before anything is parsed: a DTD (so there are no entities), CDATA, instructions, and, unless
 * `hasComments`, comments, which cut texts in two; more than 256 KiB or 5,000 tags. Throws `answer_refused`.
 */
export async function parseXml(text: string, { hasComments = false } = {}): Promise<XmlElement> {
  const body = text.replace(/^\s*<\?xml\s[^?<>]{0,200}\?>/, "");
  const isPlain = !(hasComments ? /<!(?!--)|<\?/ : /<!|<\?/).test(body);
  const isBounded = Buffer.byteLength(text) <= maxXmlBytes && body.split("<").length <= maxMarks;
  if (!isPlain || !isBounded) throw answerRefused("document");
  const { parseDomFromString } = await import("@node-saml/node-saml/lib/xml.js");
  try {
    const { documentElement } = await parseDomFromString(body);
    return documentElement as XmlElement;
  } catch (err) {
    throw answerRefused("document", err);
  }
}

export function isElement(node: XmlElement, namespace: Namespace, name: string): boolean {
  return node.namespaceURI === namespaces[namespace] && node.localName === name;
}

export function elementsOf({ childNodes }: XmlElement): readonly XmlElement[] {
  return Array.from(childNodes).filter(({ nodeType }) => nodeType === elementNode);
}

export function childrenOf(parent: XmlElement, namespace: Namespace, name: string): readonly XmlElement[] {
  return elementsOf(parent).filter((child) => isElement(child, namespace, name));
}

/** The only child of that name; undefined when there is none. Throws `answer_refused` for several. */
export function childOf(parent: XmlElement, namespace: Namespace, name: string): XmlElement | undefined {
  const [found, second] = childrenOf(parent, namespace, name);
  if (second) throw answerRefused("document");
  return found;
}

/** How many elements of that name there are, at any depth. */
export function countIn(root: XmlElement, namespace: Namespace, name: string): number {
  return root.getElementsByTagNameNS(namespaces[namespace], name).length + (isElement(root, namespace, name) ? 1 : 0);
}

/** The text of an element that holds nothing else; empty when there is no element. Throws `answer_refused`. */
export function textOf(element: XmlElement | undefined): string {
  if (element && elementsOf(element).length > 0) throw answerRefused("document");
  return (element?.textContent ?? "").trim();
}

/** An attribute's value; undefined when it is not there. */
export function attributeOf(element: XmlElement | undefined, name: string): string | undefined {
  return element?.hasAttribute(name) ? (element.getAttribute(name) ?? undefined) : undefined;
}
