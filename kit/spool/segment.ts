import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readFrames } from "./frame.ts";

const suffix = ".spool";

/** A file of a spool. Files are written one after the other and deleted from the oldest on. */
export interface Segment {
  readonly path: string;
  readonly descriptor: number;
  sizeBytes: number;
  /** Records that are still wanted. */
  live: number;
}

export function createSegment(folder: string, number: number): Segment {
  const path = join(folder, `${String(number).padStart(12, "0")}${suffix}`);
  // Exclusive: a number is never used twice.
  return { path, descriptor: openSync(path, "wx", 0o600), sizeBytes: 0, live: 0 };
}

/** Writes all parts one behind the other, or throws and leaves the file as it was. */
export function writeToSegment(segment: Segment, parts: readonly Buffer[]): void {
  let end = segment.sizeBytes;
  try {
    for (const bytes of parts) {
      for (let written = 0; written < bytes.length; ) {
        const count = writeSync(segment.descriptor, bytes, written, bytes.length - written, end);
        written += count;
        end += count;
      }
    }
  } catch (err) {
    // Half a record would hide all that follow it.
    ftruncateSync(segment.descriptor, segment.sizeBytes);
    throw err;
  }
  segment.sizeBytes = end;
}

export function deleteSegment({ path, descriptor }: Segment): void {
  closeSync(descriptor);
  rmSync(path, { force: true });
}

/** The files that lie in a folder, oldest first. */
export function listSegmentFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => join(folder, name));
}

/** The whole records of a file, and whether something followed them that is none. */
export function readSegmentFile(path: string): { readonly records: readonly Buffer[]; readonly isTorn: boolean } {
  const bytes = readFileSync(path);
  const { records, validBytes } = readFrames(bytes);
  return { records, isTorn: validBytes < bytes.length };
}
