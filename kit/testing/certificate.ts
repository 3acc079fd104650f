import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";

export interface TestCertificate {
  /** PEM, PKCS #8. */
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
}

const sequence = 0x30;
const integer = 0x02;
const bitString = 0x03;
const generalizedTime = 0x18;
/** AlgorithmIdentifier: sha256WithRSAEncryption, NULL (RFC 4055). */
const rsaSha256 = Buffer.from("300d06092a864886f70d01010b0500", "hex");
/** Name: CN=test (RFC 5280, 4.1.2.4). */
const name = Buffer.from("300f310d300b06035504030c0474657374", "hex");

/** A new RSA key with a certificate that it has signed itself (RFC 5280, 4.1). `until` is `YYYYMMDDHHMMSSZ`. */
export function createTestCertificate({ modulusBits = 2_048, until = "20991231235959Z" } = {}): TestCertificate {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: modulusBits });
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const validity = der(
    sequence,
    der(generalizedTime, Buffer.from("20200101000000Z")),
    der(generalizedTime, Buffer.from(until)),
  );
  const body = der(sequence, der(integer, Buffer.from([1])), rsaSha256, name, validity, name, publicKey);
  const signature = der(bitString, Buffer.from([0]), sign("sha256", body, privateKey));
  const base64 = der(sequence, body, rsaSha256, signature).toString("base64");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

/** A value of ASN.1 in DER (X.690, 8.1). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
