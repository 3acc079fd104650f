import { X509Certificate } from "node:crypto";

const minModulusBits = 2_048;

/** A certificate (PEM, or base64 of DER) of an RSA key of at least 2,048 bits; undefined when it is none. */
export function parseCertificate(text: string): X509Certificate | undefined {
  const base64 = text.replace(/-----(?:BEGIN|END) CERTIFICATE-----/g, "").replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]{100,10000}={0,2}$/.test(base64)) return undefined;
  try {
    const certificate = new X509Certificate(Buffer.from(base64, "base64"));
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    const isStrong = asymmetricKeyType === "rsa" && (asymmetricKeyDetails?.modulusLength ?? 0) >= minModulusBits;
    return isStrong ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** As certificates are kept. */
export function toBase64(certificate: X509Certificate | undefined): string | undefined {
  return certificate?.raw.toString("base64");
}
