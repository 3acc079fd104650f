import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/**
 * What PostgreSQL stores for a password (RFC 5803), so that neither SQL nor a server log ever holds the password.
 * One iteration: stretching protects passwords that can be guessed, and ours are 256 random bits; every new connection
 * would pay for it on the event loop.
 */
export function toScramVerifier(password: string, salt: Buffer, iterations = 1): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
