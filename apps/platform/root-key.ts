import { hkdfSync, randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "@lyss/kit/config/secret.ts";

/** Its name in the data directory. */
export const rootKeyFile = "root.key";
const rootKeyBytes = 32;

/**
 * The installation's root key: the configured one, else the one in `<dataDir>/root.key`, made on the first start. Two
 * processes that start together get the same. Throws an Error that says what to mend when it is not 32 bytes.
 */
export function loadRootKey(dataDir: string, configured: Secret | undefined): Buffer {
  if (configured) return parseRootKey(configured.reveal(), "rootKey (LYSS_ROOT_KEY)");
  const file = join(dataDir, rootKeyFile);
  const stored = readIfExists(file);
  if (stored !== undefined) return parseRootKey(stored, file);

  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(rootKeyBytes).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  try {
    // link(2) refuses to replace: whoever comes second takes the first one's key.
    linkSync(draft, file);
  } catch (err) {
    if (!isCode(err, "EEXIST")) throw err;
  } finally {
    unlinkSync(draft);
  }
  return parseRootKey(readFileSync(file, "utf8"), file);
}

/** 32 bytes for one purpose (HKDF-SHA256, RFC 5869): knowing one says nothing about another or about the root. */
export function createKeyDerivation(rootKey: Buffer): (purpose: string) => Buffer {
  return (purpose) => Buffer.from(hkdfSync("sha256", rootKey, "", `lyss.${purpose}`, rootKeyBytes));
}

/** What the processes of an installation show each other. */
export function derivePeerToken(deriveKey: (purpose: string) => Buffer): Secret {
  return new Secret(deriveKey("peer.token").toString("base64url"));
}

function parseRootKey(text: string, source: string): Buffer {
  const key = Buffer.from(text.trim(), "base64");
  if (key.length === rootKeyBytes) return key;
  throw new Error(`${source} must be ${rootKeyBytes} bytes in base64, as 'openssl rand -base64 32' prints them`);
}

function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (err) {
    if (isCode(err, "ENOENT")) return undefined;
    throw err;
  }
}

function isCode(err: unknown, code: string): boolean {
  return err instanceof Error && "code" in err && err.code === code;
}
