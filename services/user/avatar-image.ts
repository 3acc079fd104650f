/** What the first bytes of an image say. */
export interface ImageFacts {
  readonly contentType: "image/png" | "image/jpeg" | "image/webp";
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

export const maxAvatarBytes = 262_144;
/** Of width and height, in pixels. */
export const maxAvatarSide = 2_048;

/**
 * The kind and size of a PNG (ISO 15948), JPEG (ITU T.81) or WebP (RFC 9649), told by its bytes alone; undefined for
 * everything else. Nothing is decoded: what lies behind the head is for the browser to judge.
 */
export function readImageFacts(bytes: Buffer): ImageFacts | undefined {
  const size = readPng(bytes) ?? readJpeg(bytes) ?? readWebp(bytes);
  return size && size.width > 0 && size.height > 0 ? size : undefined;
}

const pngHead = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");

function readPng(bytes: Buffer): ImageFacts | undefined {
  if (bytes.length < 33 || !bytes.subarray(0, 16).equals(pngHead)) return undefined;
  return { contentType: "image/png", width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** Frame headers: SOF0 to SOF15 without the tables and extensions that lie between them. */
const frameMarkers = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);

function readJpeg(bytes: Buffer): ImageFacts | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (frameMarkers.has(marker)) {
      return { contentType: "image/jpeg", width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

function readWebp(bytes: Buffer): ImageFacts | undefined {
  const isWebp =
    bytes.length >= 30 && bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP";
  if (!isWebp) return undefined;
  const contentType = "image/webp";
  switch (bytes.toString("latin1", 12, 16)) {
    case "VP8 ": {
      if (bytes.readUIntBE(23, 3) !== 0x9d012a) return undefined;
      return { contentType, width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    }
    case "VP8L": {
      if (bytes[20] !== 0x2f) return undefined;
      const bits = bytes.readUInt32LE(21);
      return { contentType, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { contentType, width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}
