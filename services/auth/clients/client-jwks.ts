import { createPublicKey, type webcrypto } from "node:crypto";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { AddressGuard } from "@lyss/kit/http/address-guard.ts";

/** A public key as it is kept (RFC 7517): nothing but what verifying takes. */
export type PublicJwk = Readonly<Record<string, string>>;

/** How a client signs its assertions: by keys that stand here, or at an address. Neither where it has a secret. */
export interface ClientKeys {
  readonly jwks: { readonly keys: readonly PublicJwk[] } | null;
  readonly jwksUri: string | null;
}

/** Keys as they are entered. */
export interface ClientKeysInput {
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined;
  readonly jwksUri?: string | undefined;
}

/** Signatures that only the client can make: no HMAC, and never `none`. */
export const assertionAlgorithms = ["EdDSA", "ES256", "PS256", "RS256"] as const;
export const maxClientKeys = 10;
const minRsaBits = 2_048;
const maxTextLength = 2_048;

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= maxTextLength;

type Text = readonly [en_US: string, zh_CN: string];

const refusals = {
  private: ["holds a private or secret key: send the public part alone", "包含私钥或对称密钥：只能提交公钥部分"],
  kind: [
    "has a key that is none of Ed25519, P-256 and RSA of 2,048 bits or more",
    "只支持 Ed25519、P-256 与不少于 2048 位的 RSA 密钥",
  ],
  use: ["has a key that is not for signatures ('use' must be sig)", "密钥用途必须为签名（use 为 sig）"],
  alg: [
    `has a key for an algorithm that is none of ${assertionAlgorithms.join(", ")}`,
    `密钥算法只能是 ${assertionAlgorithms.join("、")}`,
  ],
  kid: [
    "must give each of several keys a 'kid' of its own, up to 200 characters",
    "有多个密钥时，每个都须有不同的 kid（不超过 200 个字符）",
  ],
} satisfies Record<string, Text>;

type Refusal = keyof typeof refusals;

const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  OKP: ["EdDSA", "Ed25519"],
  EC: ["ES256"],
  RSA: ["RS256", "PS256"],
};

/** The public part of one key, or why it is none that may be used. */
export function readJwk(given: Readonly<Record<string, unknown>>): PublicJwk | Refusal {
  const { kty, crv, x, y, n, e, kid, alg, use } = given;
  if (["d", "p", "q", "dp", "dq", "qi", "oth", "k"].some((name) => Object.hasOwn(given, name))) return "private";
  if (use !== undefined && use !== "sig") return "use";
  if (kid !== undefined && !(typeof kid === "string" && kid !== "" && kid.length <= 200)) return "kid";
  const named = { ...(isText(kid) && { kid }), ...(isText(alg) && { alg }) };
  const read = () => {
    if (kty === "OKP" && crv === "Ed25519" && isText(x)) return { kty, crv, x };
    if (kty === "EC" && crv === "P-256" && isText(x) && isText(y)) return { kty, crv, x, y };
    return kty === "RSA" && isText(n) && isText(e) ? { kty, n, e } : undefined;
  };
  const key = read();
  if (!key || !isSound(key)) return "kind";
  if (alg !== undefined && !algorithmsOf[key.kty]?.includes(String(alg))) return "alg";
  return { ...key, ...named };
}

function isSound(key: webcrypto.JsonWebKey): boolean {
  try {
    const { modulusLength = minRsaBits } = createPublicKey({ key, format: "jwk" }).asymmetricKeyDetails ?? {};
    return modulusLength >= minRsaBits;
  } catch {
    return false;
  }
}

/** What somebody enters as a client's keys. Throws `kit.invalid_request` that says what is wrong with them. */
export function readClientKeys(
  { guard }: { readonly guard: AddressGuard | undefined },
  { jwks, jwksUri }: ClientKeysInput,
): ClientKeys {
  if (jwksUri !== undefined) {
    if (jwks) throw refused("jwks_uri", ["must not be given together with jwks", "不能与 jwks 同时给出"]);
    const refusal = guard?.refuse(new URL(jwksUri));
    if (refusal) throw refused("jwks_uri", [refusal.en_US, refusal.zh_CN]);
    return { jwks: null, jwksUri };
  }
  if (!jwks) return { jwks: null, jwksUri: null };
  const keys = jwks.keys.map((given) => {
    const key = readJwk(given);
    if (typeof key === "string") throw refused("jwks", refusals[key]);
    return key;
  });
  const names = keys.map(({ kid }) => kid);
  if (keys.length > 1 && (names.includes(undefined) || new Set(names).size < names.length)) {
    throw refused("jwks", refusals.kid);
  }
  return { jwks: { keys }, jwksUri: null };
}

function refused(field: string, [reason, reason_zh_CN]: Text): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
