/** A QR code (ISO/IEC 18004) of level M in byte mode: enough for an `otpauth://` address, without a library. */
const maxVersion = 15;
const eccPerBlock = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24];
const blockCounts = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10];

interface Grid {
  readonly size: number;
  readonly dark: boolean[][];
  /** Where patterns stand, which data goes around and masks leave alone. */
  readonly fixed: boolean[][];
}

/** The dark squares as a path of an SVG, in units of one square. Throws for a text of more than some 400 bytes. */
export function toQrPath(text: string): { readonly path: string; readonly size: number } {
  const bytes = new TextEncoder().encode(text);
  const version = findVersion(bytes.length);
  const bits = toBits(withEcc(toCodewords(bytes, version), version));
  const masked = [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => draw(version, bits, mask));
  const best = masked.reduce((found, one) => (penaltyOf(one) < penaltyOf(found) ? one : found));
  const squares = best.dark.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { path: squares.join(""), size: best.size };
}

function findVersion(length: number): number {
  for (let version = 1; version <= maxVersion; version++) {
    if (dataCountOf(version) >= length + (version < 10 ? 2 : 3)) return version;
  }
  throw new Error(`${length} bytes are too many for a QR code`);
}

/** How many bytes of data and check go into a version. */
function codewordCountOf(version: number): number {
  const alignments = version === 1 ? 0 : Math.floor(version / 7) + 2;
  let modules = (16 * version + 128) * version + 64;
  if (alignments > 0) modules -= (25 * alignments - 10) * alignments - 55;
  if (version >= 7) modules -= 36;
  return Math.floor(modules / 8);
}

function dataCountOf(version: number): number {
  return codewordCountOf(version) - (eccPerBlock[version - 1] ?? 0) * (blockCounts[version - 1] ?? 0);
}

function toCodewords(bytes: Uint8Array, version: number): number[] {
  const capacity = dataCountOf(version);
  const bits: number[] = [];
  const push = (value: number, length: number) => {
    for (let at = length - 1; at >= 0; at--) bits.push((value >>> at) & 1);
  };
  push(0b0100, 4);
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  push(0, Math.min(4, capacity * 8 - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  const words = Array.from({ length: bits.length / 8 }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce((word, bit) => word * 2 + bit, 0),
  );
  for (let filler = 0xec; words.length < capacity; filler ^= 0xec ^ 0x11) words.push(filler);
  return words;
}

/** Splits into blocks, adds the check of each (Reed and Solomon), and takes from all in turn. */
function withEcc(data: readonly number[], version: number): number[] {
  const count = blockCounts[version - 1] ?? 1;
  const ecc = eccPerBlock[version - 1] ?? 0;
  const shortCount = count - (data.length % count);
  const length = Math.floor(data.length / count);
  const divisor = toDivisor(ecc);
  let from = 0;
  const blocks = Array.from({ length: count }, (_, at) => {
    const block = data.slice(from, from + length + (at < shortCount ? 0 : 1));
    from += block.length;
    return { block, check: remainderOf(block, divisor) };
  });
  const take = (of: (typeof blocks)[number]["block"][], most: number) =>
    Array.from({ length: most }, (_, at) => of.flatMap((one) => one.slice(at, at + 1))).flat();
  return [
    ...take(
      blocks.map(({ block }) => block),
      length + 1,
    ),
    ...take(
      blocks.map(({ check }) => check),
      ecc,
    ),
  ];
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let at = 7; at >= 0; at--) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> at) & 1) * a;
  }
  return product;
}

function toDivisor(degree: number): number[] {
  const divisor = [...Array<number>(degree - 1).fill(0), 1];
  let root = 1;
  for (let step = 0; step < degree; step++) {
    for (let at = 0; at < degree; at++) divisor[at] = multiply(divisor[at] ?? 0, root) ^ (divisor[at + 1] ?? 0);
    root = multiply(root, 2);
  }
  return divisor;
}

function remainderOf(data: readonly number[], divisor: readonly number[]): number[] {
  let rest = divisor.map(() => 0);
  for (const word of data) {
    const factor = word ^ (rest[0] ?? 0);
    rest = [...rest.slice(1), 0].map((value, at) => value ^ multiply(divisor[at] ?? 0, factor));
  }
  return rest;
}

function toBits(words: readonly number[]): number[] {
  return words.flatMap((word) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => (word >>> at) & 1));
}

const masks: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function draw(version: number, bits: readonly number[], mask: number): Grid {
  const size = version * 4 + 17;
  const empty = () => Array.from({ length: size }, () => Array<boolean>(size).fill(false));
  const grid: Grid = { size, dark: empty(), fixed: empty() };
  drawPatterns(grid, version);
  drawFormat(grid, mask);
  let next = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    const isUp = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step++) {
      const y = isUp ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (grid.fixed[y]?.[x]) continue;
        const row = grid.dark[y] as boolean[];
        row[x] = (bits[next++] === 1) !== (masks[mask]?.(x, y) ?? false);
      }
    }
  }
  return grid;
}

function set({ dark, fixed }: Grid, x: number, y: number, isDark: boolean): void {
  const row = dark[y];
  const fixedRow = fixed[y];
  if (!row || !fixedRow || x < 0 || x >= row.length) return;
  row[x] = isDark;
  fixedRow[x] = true;
}

function drawPatterns(grid: Grid, version: number): void {
  const { size } = grid;
  for (let at = 0; at < size; at++) {
    set(grid, 6, at, at % 2 === 0);
    set(grid, at, 6, at % 2 === 0);
  }
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const) {
    drawSquare(grid, x, y, 4, (ring) => ring !== 2 && ring !== 4);
  }
  const places = alignmentsOf(version, size);
  const last = places.length - 1;
  for (const [i, x] of places.entries()) {
    for (const [j, y] of places.entries()) {
      const isCorner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
      if (!isCorner) drawSquare(grid, x, y, 2, (ring) => ring !== 1);
    }
  }
  if (version >= 7) drawVersion(grid, version);
}

function drawSquare(grid: Grid, x: number, y: number, reach: number, isDark: (ring: number) => boolean): void {
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      set(grid, x + dx, y + dy, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

function alignmentsOf(version: number, size: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const places = Array.from({ length: count - 1 }, (_, at) => size - 7 - at * step);
  return [6, ...places.reverse()];
}

function drawVersion(grid: Grid, version: number): void {
  let rest = version;
  for (let step = 0; step < 12; step++) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let at = 0; at < 18; at++) {
    const [a, b] = [grid.size - 11 + (at % 3), Math.floor(at / 3)];
    const isDark = ((bits >>> at) & 1) === 1;
    set(grid, a, b, isDark);
    set(grid, b, a, isDark);
  }
}

/** Level M has the number 0. */
function drawFormat(grid: Grid, mask: number): void {
  const { size } = grid;
  let rest = mask;
  for (let step = 0; step < 10; step++) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  const isDark = (at: number) => ((bits >>> at) & 1) === 1;
  for (let at = 0; at <= 5; at++) set(grid, 8, at, isDark(at));
  set(grid, 8, 7, isDark(6));
  set(grid, 8, 8, isDark(7));
  set(grid, 7, 8, isDark(8));
  for (let at = 9; at < 15; at++) set(grid, 14 - at, 8, isDark(at));
  for (let at = 0; at < 8; at++) set(grid, size - 1 - at, 8, isDark(at));
  for (let at = 8; at < 15; at++) set(grid, 8, size - 15 + at, isDark(at));
  set(grid, 8, size - 8, true);
}

/** How hard it is to read: long runs, blocks, what looks like a corner, and more of one colour. */
function penaltyOf({ dark, size }: Grid): number {
  const rows = dark.map((row) => row.map((isDark) => (isDark ? "1" : "0")).join(""));
  const columns = Array.from({ length: size }, (_, x) => rows.map((row) => row[x]).join(""));
  let penalty = 0;
  for (const line of [...rows, ...columns]) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    for (const _ of line.matchAll(/(?=10111010000|00001011101)/g)) penalty += 40;
  }
  for (let y = 0; y + 1 < size; y++) {
    for (let x = 0; x + 1 < size; x++) {
      const block = `${rows[y]?.slice(x, x + 2)}${rows[y + 1]?.slice(x, x + 2)}`;
      if (block === "0000" || block === "1111") penalty += 3;
    }
  }
  const share = rows.join("").replaceAll("0", "").length / size ** 2;
  return penalty + Math.floor(Math.abs(share * 20 - 10)) * 10;
}
