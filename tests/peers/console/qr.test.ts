import assert from "node:assert/strict";
import { test } from "node:test";
import { toQrPath } from "../../../apps/console/pages/settings/qr.ts";

/** Of ISO/IEC 18004, annex C: the fifteen bits of level M by mask. */
const formats = ["5412", "5125", "5e7c", "5b4b", "45f9", "40ce", "4f97", "4aa0"].map((hex) => Number.parseInt(hex, 16));
const masks: readonly ((row: number, column: number) => number)[] = [
  (i, j) => (i + j) % 2,
  (i) => i % 2,
  (_, j) => j % 3,
  (i, j) => (i + j) % 3,
  (i, j) => (Math.floor(i / 2) + Math.floor(j / 3)) % 2,
  (i, j) => ((i * j) % 2) + ((i * j) % 3),
  (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2,
  (i, j) => (((i + j) % 2) + ((i * j) % 3)) % 2,
];
/** Of ISO/IEC 18004, tables 7, 9 and E.1: what a reader knows of a version at level M. */
const versions: Readonly<
  Record<number, { readonly blocks: readonly number[]; ecc: number; centres: readonly number[] }>
> = {
  1: { blocks: [16], ecc: 10, centres: [] },
  2: { blocks: [28], ecc: 16, centres: [6, 18] },
  6: { blocks: [27, 27, 27, 27], ecc: 16, centres: [6, 34] },
  9: { blocks: [36, 36, 36, 37, 37], ecc: 22, centres: [6, 26, 46] },
  11: { blocks: [50, 51, 51, 51, 51], ecc: 30, centres: [6, 30, 54] },
};

function read(text: string): { readonly version: number; readonly text: string } {
  const { path, size } = toQrPath(text);
  const dark = new Set([...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x},${y}`));
  const at = (x: number, y: number) => (dark.has(`${x},${y}`) ? 1 : 0);
  const version = (size - 17) / 4;
  const known = versions[version];
  assert.ok(known, `version ${version}`);
  const first = [
    ...[0, 1, 2, 3, 4, 5, 7, 8].map((y) => [8, y] as const),
    ...[7, 5, 4, 3, 2, 1, 0].map((x) => [x, 8] as const),
  ];
  const format = first.reduce((bits, [x, y], place) => bits | (at(x, y) << place), 0);
  const mask = formats.indexOf(format);
  assert.notEqual(mask, -1, `format ${format.toString(16)}`);
  const words = readWords(size, version, known.centres, (x, y) => at(x, y) ^ (masks[mask]?.(y, x) === 0 ? 1 : 0));
  return { version, text: toText(toBlocks(words, known), version) };
}

function readWords(
  size: number,
  version: number,
  centres: readonly number[],
  at: (x: number, y: number) => number,
): readonly number[] {
  const isCorner = (x: number, y: number) => (x < 9 && y < 9) || (x < 9 && y >= size - 8) || (x >= size - 8 && y < 9);
  const isCentre = (x: number, y: number) =>
    centres.some((cx) =>
      centres.some((cy) => {
        const isTaken = isCorner(cx, cy);
        return !isTaken && Math.abs(x - cx) <= 2 && Math.abs(y - cy) <= 2;
      }),
    );
  const isVersion = (x: number, y: number) => version >= 7 && ((x < 6 && y >= size - 11) || (y < 6 && x >= size - 11));
  const bits: number[] = [];
  const columns = Array.from({ length: (size - 1) / 2 }, (_, pair) => size - 1 - pair * 2).map((x) =>
    x <= 6 ? x - 1 : x,
  );
  for (const [pair, right] of columns.entries()) {
    for (let step = 0; step < size; step++) {
      const y = pair % 2 === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (x === 6 || y === 6 || isCorner(x, y) || isCentre(x, y) || isVersion(x, y)) continue;
        bits.push(at(x, y));
      }
    }
  }
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, word) =>
    bits.slice(word * 8, word * 8 + 8).reduce((sum, bit) => sum * 2 + bit, 0),
  );
}

/** Puts the words of each block together, and checks that no error is found in it. */
function toBlocks(
  words: readonly number[],
  { blocks, ecc }: { readonly blocks: readonly number[]; readonly ecc: number },
) {
  const found = blocks.map(() => [] as number[]);
  let next = 0;
  for (let place = 0; place < Math.max(...blocks); place++) {
    for (const [block, length] of blocks.entries()) if (place < length) found[block]?.push(words[next++] ?? -1);
  }
  for (let place = 0; place < ecc; place++) for (const block of found) block.push(words[next++] ?? -1);
  for (const block of found) {
    const syndromes = Array.from({ length: ecc }, (_, power) =>
      block.reduce((sum, word) => multiply(sum, powerOf2(power)) ^ word, 0),
    );
    assert.deepEqual(new Set(syndromes), new Set([0]));
  }
  return found.flatMap((block, index) => block.slice(0, blocks[index]));
}

function multiply(a: number, b: number): number {
  let [product, factor] = [0, a];
  for (let rest = b; rest > 0; rest >>= 1) {
    if (rest & 1) product ^= factor;
    factor = factor & 0x80 ? (factor << 1) ^ 0x11d : factor << 1;
  }
  return product;
}

function powerOf2(power: number): number {
  return Array.from({ length: power }).reduce<number>((value) => multiply(value, 2), 1);
}

function toText(data: readonly number[], version: number): string {
  const bits = data.map((word) => word.toString(2).padStart(8, "0")).join("");
  assert.equal(bits.slice(0, 4), "0100");
  const counted = version < 10 ? 8 : 16;
  const length = Number.parseInt(bits.slice(4, 4 + counted), 2);
  const from = 4 + counted;
  const bytes = Array.from({ length }, (_, at) => Number.parseInt(bits.slice(from + at * 8, from + at * 8 + 8), 2));
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

test("what a QR code holds is read back from it whole, by what the standard says of its versions", () => {
  const uri = (padding: number) =>
    `otpauth://totp/Lyss:${"a".repeat(padding)}@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Lyss`;
  const texts = ["lyss.example.com", "密钥 🔑", uri(12), uri(80), uri(150)];
  for (const text of texts) assert.equal(read(text).text, text);
  assert.throws(() => toQrPath("x".repeat(500)), /too many/);
});
