// Writes services/user/known-passwords.bin: which of the most common passwords may not be chosen. Run with files of one password
// a line: `node tools/import-known-passwords.ts <file> ...`. Where the list comes from stands in ADR 0066.
import { readFileSync, writeFileSync } from "node:fs";
import { digestBytes, knownPasswordsFile, toDigest } from "@lyss/services/user/known-passwords.ts";
import { maxPasswordLength, minPasswordLength } from "@lyss/services/user/password.ts";

const passwords = process.argv
  .slice(2)
  .flatMap((file) => readFileSync(file, "utf8").split("\n"))
  .map((line) => line.trim().normalize("NFC").toLowerCase());
const possible = passwords.filter((text) => {
  const { length } = [...text];
  return length >= minPasswordLength && length <= maxPasswordLength;
});
const digests = [...new Set(possible.map((text) => toDigest(text).toString("hex")))].sort();
if (digests.length === 0) throw new Error("no password of a length that may be chosen");
writeFileSync(knownPasswordsFile, Buffer.from(digests.join(""), "hex"));
console.log(`${digests.length} passwords, ${digests.length * digestBytes} bytes`);
