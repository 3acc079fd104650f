const maxDepth = 4;
const maxItems = 100;
const censor = "[secret]";

/** Names of fields whose values no log may hold, whatever their case and separators. */
const secretNames = new Set([
  ...["authorization", "proxyauthorization", "cookie", "cookies", "setcookie", "password", "passphrase"],
  ...["secret", "clientsecret", "rootkey", "privatekey", "apikey", "xapikey", "xgoogapikey", "token"],
  ...["accesstoken", "refreshtoken", "idtoken", "peertoken", "sessiontoken", "credential", "credentials"],
]);

/**
 * A copy of what is to be logged in which the values of secret fields read `[secret]`, down to four levels; deeper objects
 * read `[deep]`. Errors are left to their own serializer. The value itself is not changed.
 */
export function redactSecrets(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  if ("toJSON" in value && typeof value.toJSON === "function") return value;
  if (depth > maxDepth) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => redactSecrets(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    copy[name] = isSecretName(name) && field !== undefined ? censor : redactSecrets(field, depth + 1);
  }
  return copy;
}

function isSecretName(name: string): boolean {
  return secretNames.has(name.toLowerCase().replace(/[-_.]/g, ""));
}
