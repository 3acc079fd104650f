import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure, failureText, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { isOidc, isSaml, type SamlConnection } from "../model.ts";
import { signatureAlgorithms } from "../oidc/provider-keys.ts";
import type { OidcProvider } from "../oidc/providers.ts";
import { toToldFailure } from "../oidc/told-failures.ts";
import { parseCertificate } from "../saml/certificate.ts";
import { revealSecret } from "../signing-in.ts";

/** Certificates that end sooner are told of. */
const soonMs = 30 * 86_400_000;

/** One thing that was looked at. */
export interface Finding {
  readonly check: "metadata" | "keys" | "certificates" | "signature" | "pkce" | "logout";
  /** `warning`: sign-in works, something is weaker or missing. */
  readonly result: "ok" | "warning" | "failed";
  readonly text: { readonly en_US: string; readonly zh_CN: string };
}

/** What is found when the connection's provider is asked, without anybody signing in. Throws `connection_not_found`. */
export async function testConnection(
  deps: SsoDeps,
  { tenantId, connectionId }: { readonly tenantId: string; readonly connectionId: string },
): Promise<readonly Finding[]> {
  const { connections, providers } = deps;
  const connection = await connections.findSealed(connectionId);
  if (connection?.tenantId !== tenantId) throw new Failure(ssoFailures.connection_not_found);
  if (isSaml(connection)) return judgeSaml(deps, connection);
  if (!isOidc(connection)) throw new Failure(ssoFailures.connection_not_found);
  try {
    const provider = await providers.of(connection, revealSecret(deps, connection));
    const found = await provider.keys.load().then(
      () => ok("keys", "The provider's keys can be read.", "可以读取身份提供方的公钥。"),
      (err: unknown) => failed("keys", toToldFailure(err, connection.name)),
    );
    const read = ok("metadata", "The provider answers and is who it should be.", "身份提供方响应正常且身份相符。");
    return [read, found, ...judge(provider)];
  } catch (err) {
    return [failed("metadata", toToldFailure(err, connection.name))];
  }
}

/** Nothing is asked of a SAML provider: browsers alone go there. */
function judgeSaml({ clock }: Pick<SsoDeps, "clock">, { party }: SamlConnection): Finding[] {
  const ends = party.certificates.map((one) => parseCertificate(one)?.validToDate.getTime() ?? 0);
  const lastMs = Math.max(...ends) - clock.nowMs();
  if (lastMs > soonMs)
    return [ok("certificates", "A certificate is valid for 30 days or more.", "证书有效期在 30 天以上。")];
  const warn = (en_US: string, zh_CN: string) => [finding("certificates", "warning", en_US, zh_CN)];
  if (lastMs > 0)
    return warn("Every certificate ends within 30 days. Add the next one.", "所有证书将在 30 天内到期，请添加新证书。");
  return warn(
    "Every certificate has ended. Its key still counts; replace it.",
    "所有证书均已到期。其密钥仍有效，请尽快更换。",
  );
}

function judge({ metadata }: OidcProvider): Finding[] {
  const algorithms = metadata.id_token_signing_alg_values_supported ?? [];
  const canVerify = algorithms.length === 0 || algorithms.some((one) => signatureAlgorithms.includes(one));
  const signature = canVerify
    ? ok("signature", "It signs in a way that is accepted.", "其签名算法可被接受。")
    : finding("signature", "failed", "It offers no signature that is accepted.", "未提供可被接受的签名算法。");
  const hasPkce = metadata.code_challenge_methods_supported?.includes("S256") === true;
  const pkce = hasPkce
    ? ok("pkce", "It checks PKCE.", "支持 PKCE。")
    : finding("pkce", "warning", "It does not say that it checks PKCE (S256).", "未声明支持 PKCE（S256）。");
  const hasLogout = metadata["backchannel_logout_supported"] === true;
  const logout = hasLogout
    ? ok("logout", "It can end sessions here when one ends there.", "其会话结束时可同步结束此处的会话。")
    : finding("logout", "warning", "A session that ends there does not end here.", "其会话结束时不会结束此处的会话。");
  return [signature, pkce, logout];
}

function ok(check: Finding["check"], en_US: string, zh_CN: string): Finding {
  return finding(check, "ok", en_US, zh_CN);
}

function finding(check: Finding["check"], result: Finding["result"], en_US: string, zh_CN: string): Finding {
  return { check, result, text: { en_US, zh_CN } };
}

function failed(check: Finding["check"], err: unknown): Finding {
  if (!isFailure(err)) throw err;
  const { type, details } = err;
  return finding(check, "failed", failureText(type, details, "en_US"), failureText(type, details, "zh_CN"));
}
