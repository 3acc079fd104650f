import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { FetchError } from "@lyss/kit/http/guarded-fetch.ts";
import type { SsoDeps } from "../deps.ts";
import { connectionFields, type SamlParty } from "../model.ts";
import { parseCertificate, toBase64 } from "./certificate.ts";
import { attributeOf, childrenOf, isElement, parseXml, textOf, type XmlElement } from "./xml.ts";

const redirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/** What a SAML provider may be set up from: the facts themselves, or a document that tells them. */
export interface SamlSource {
  readonly entityId: string | undefined;
  readonly ssoUrl: string | undefined;
  readonly certificates: readonly string[] | undefined;
  /** XML. */
  readonly metadata: string | undefined;
  /** Where the document is; it is read now, and not again. */
  readonly metadataUrl: string | undefined;
}

export type SamlFacts = { readonly [Field in keyof Omit<SamlParty, "kind">]?: SamlParty[Field] | undefined };

/** The facts; those that are given win over those of the document. Throws `field_refused`. */
export async function readSamlSource(
  { fetchFrom }: Pick<SsoDeps, "fetchFrom">,
  { metadata, metadataUrl, entityId, ssoUrl, certificates }: SamlSource,
): Promise<SamlFacts> {
  const field = metadata === undefined ? "metadata_url" : "metadata";
  const text = metadata ?? (metadataUrl && (await download(fetchFrom, metadataUrl)));
  const told = text ? await readMetadata(text, field) : undefined;
  return {
    entityId: entityId ?? told?.entityId,
    ssoUrl: ssoUrl ?? told?.ssoUrl,
    certificates: certificates?.flatMap((one) => toBase64(parseCertificate(one)) ?? []) ?? told?.certificates,
  };
}

/** A field of a connection that cannot be as it is; the reason in both languages. */
export function fieldRefused(
  field: string,
  [reason, reason_zh_CN]: readonly [string, string],
  cause?: unknown,
): Failure {
  return new Failure(ssoFailures.field_refused, { field, reason, reason_zh_CN }, { cause });
}

async function download(fetchFrom: SsoDeps["fetchFrom"], url: string): Promise<string> {
  const unreadable = [
    "cannot be read: check the address, or give the document as metadata",
    "无法读取：请检查地址，或改用 metadata 提供文档",
  ] as const;
  const answer = await fetchFrom(new URL(url), {
    method: "GET",
    headers: { accept: "application/samlmetadata+xml" },
  }).catch((err: unknown) => {
    throw err instanceof FetchError ? fieldRefused("metadata_url", unreadable, err) : err;
  });
  if (answer.status !== 200) throw fieldRefused("metadata_url", unreadable);
  return answer.text();
}

/** What an identity provider says of itself (SAML Metadata, 2.4.3). */
async function readMetadata(text: string, field: string): Promise<SamlFacts> {
  const root = await parseXml(text.replace(/^\uFEFF/, ""), { hasComments: true }).catch((err: unknown) => {
    if (!isFailure(err, ssoFailures.answer_refused)) throw err;
    throw fieldRefused(
      field,
      ["must be an XML document of at most 256 KiB without a DTD", "必须是不超过 256 KiB 且不含 DTD 的 XML 文档"],
      err,
    );
  });
  const [role] = isElement(root, "metadata", "EntityDescriptor")
    ? childrenOf(root, "metadata", "IDPSSODescriptor")
    : [];
  if (!role) {
    throw fieldRefused(field, [
      "must be the EntityDescriptor of an identity provider",
      "必须是身份提供方的 EntityDescriptor",
    ]);
  }
  const entityId = connectionFields.entityId.safeParse(attributeOf(root, "entityID"));
  const service = childrenOf(role, "metadata", "SingleSignOnService").find(
    (one) => attributeOf(one, "Binding") === redirectBinding,
  );
  const ssoUrl = connectionFields.ssoUrl.safeParse(attributeOf(service, "Location"));
  const certificates = certificatesOf(role);
  if (!entityId.success || !ssoUrl.success) {
    throw fieldRefused(field, [
      "must tell an entityID and a SingleSignOnService with HTTP-Redirect",
      "必须包含 entityID 和 HTTP-Redirect 方式的 SingleSignOnService",
    ]);
  }
  if (certificates.length < 1 || certificates.length > 3) {
    throw fieldRefused(field, [
      "must tell 1 to 3 certificates for signing, of RSA keys of 2,048 bits or more; or give those in use as certificates",
      "必须包含 1 到 3 个 RSA 2048 位及以上的签名证书，或通过 certificates 指定正在使用的证书",
    ]);
  }
  return { entityId: entityId.data, ssoUrl: ssoUrl.data, certificates };
}

function certificatesOf(role: XmlElement): string[] {
  const texts = childrenOf(role, "metadata", "KeyDescriptor")
    .filter((key) => (attributeOf(key, "use") ?? "signing") === "signing")
    .flatMap((key) => childrenOf(key, "signature", "KeyInfo"))
    .flatMap((info) => childrenOf(info, "signature", "X509Data"))
    .flatMap((data) => childrenOf(data, "signature", "X509Certificate"))
    .flatMap((one) => toBase64(parseCertificate(textOf(one))) ?? []);
  return [...new Set(texts)];
}
