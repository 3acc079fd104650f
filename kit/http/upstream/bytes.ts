/** Bytes that HTTP/1.1 gives a meaning (RFC 9110, 5.6; RFC 9112). */
export const byteOf = { tab: 9, lf: 10, cr: 13, space: 32, zero: 48, colon: 58, semicolon: 59 } as const;

const tokenBit = 1;
const valueBit = 2;
const classes = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[char.charCodeAt(0)] = tokenBit;
}
for (let byte = 0; byte < 256; byte++) {
  // VCHAR, obs-text, space and tab; no other control character.
  if ((byte >= 32 && byte !== 127) || byte === byteOf.tab) classes[byte] = (classes[byte] ?? 0) | valueBit;
}

/** True for what a field's name may hold (`tchar`). False for undefined, which is what lies behind the end of a buffer. */
export function isTokenByte(byte: number | undefined): boolean {
  return byte !== undefined && ((classes[byte] ?? 0) & tokenBit) !== 0;
}

/** True for what a field's value or a reason phrase may hold: CR, LF, NUL and other control characters are not among it. */
export function isValueByte(byte: number | undefined): boolean {
  return byte !== undefined && ((classes[byte] ?? 0) & valueBit) !== 0;
}

/** Space or tab (`OWS`). */
export function isSpaceByte(byte: number | undefined): boolean {
  return byte === byteOf.space || byte === byteOf.tab;
}

/** The value of a decimal digit, or -1. */
export function digitOf(byte: number | undefined): number {
  return byte !== undefined && byte >= 48 && byte <= 57 ? byte - 48 : -1;
}

/** The value of a hexadecimal digit, or -1. */
export function hexDigitOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** True when `bytes` from `start` on spell `name`, which is ASCII in lower case, whatever the case of their letters. */
export function spellsName(bytes: Uint8Array, start: number, name: string): boolean {
  for (let n = 0; n < name.length; n++) {
    const byte = bytes[start + n] ?? 0;
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    if (lower !== name.charCodeAt(n)) return false;
  }
  return true;
}
