import { closeSync, fdatasync, rmSync } from "node:fs";
import { promisify } from "node:util";
import type { Logger } from "pino";
import type { Clock } from "../service/clock.ts";
import { createLinkedList, type Linked } from "../service/linked-list.ts";
import { createOwnFolder, releaseFolder, takeOrphans } from "./claim.ts";
import { asIs, type RecordFormat } from "./record-format.ts";
import {
  createSegment,
  deleteSegment,
  listSegmentFiles,
  readSegmentFile,
  type Segment,
  writeToSegment,
} from "./segment.ts";
import { createSlabs } from "./slab.ts";

/** A record that is kept until it is dropped. */
export interface SpoolEntry {
  readonly record: Uint8Array;
}

/**
 * A process's records on disk: each is kept until it is dropped, also if the process is killed in between. What was
 * dropped may come back after a crash, so whoever takes up what is recovered must cope with a repeat.
 */
export interface Spool {
  /**
   * Keeps a record. All records of one turn of the event loop are written together when it ends: `written` tells when.
   * From there on the record survives the process; the machine's crash it survives after `syncEveryMs` more.
   * Throws a RangeError for an empty record or one of more than 1 MiB.
   */
  append(record: Uint8Array): SpoolEntry;
  /** As `append`, of a record that is written right where it is to lie. */
  compose<T>(format: RecordFormat<T>, subject: T): SpoolEntry;
  /**
   * Resolves when what this turn of the event loop has appended is in the file. Rejects with why it is not: then it is kept
   * nowhere.
   */
  written(): Promise<void>;
  /** The record is no longer wanted. Safe to repeat. */
  drop(entry: SpoolEntry): void;
  /** The records of processes that have died since; from now on they are this one's. */
  adoptOrphans(): readonly SpoolEntry[];
  /** Records that are kept. */
  readonly size: number;
  /** False from a failed write to the next one that succeeds. */
  readonly isWritable: boolean;
  /** Writes and syncs what is left. Nothing can be appended afterwards. Safe to repeat. */
  close(): Promise<void>;
}

export interface SpoolOptions {
  /** Shared by the processes of a machine: each takes a folder of its own below it. On a local disk. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How soon written records are safe from a crash of the machine. Default 20. */
  readonly syncEveryMs?: number;
  /** A new file is begun when one is as large. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** With more files than this, what is still wanted of the oldest is written anew. Default 8. */
  readonly maxSegments?: number;
}

interface KeptEntry extends SpoolEntry, Linked<KeptEntry> {
  record: Uint8Array;
  /** Undefined until it is written, and again once it is dropped. */
  segment: Segment | undefined;
  /** Not kept any more: dropped, or never written. */
  isGone: boolean;
}

const syncFile = promisify(fdatasync);
const defaults = { syncEveryMs: 20, segmentBytes: 16_777_216, maxSegments: 8 };

/**
 * Opens a spool and gives what dead processes left: records that were appended and not dropped, in the order in which
 * each process appended them. Throws when the folder cannot be written.
 */
export function openSpool(options: SpoolOptions): { readonly spool: Spool; readonly recovered: readonly SpoolEntry[] } {
  const { root, clock, log } = options;
  const { syncEveryMs, segmentBytes, maxSegments } = { ...defaults, ...options };
  const folder = createOwnFolder(root);
  const segments: Segment[] = [];
  const kept = createLinkedList<KeptEntry>();
  let nextNumber = 1;
  const slabs = createSlabs();
  let pending: KeptEntry[] = [];
  let telling: PromiseWithResolvers<void> | undefined;
  let isWritable = true;
  let isClosed = false;
  let cancelSync: (() => void) | undefined;
  const unsynced = new Set<Segment>();

  function openSegment(): Segment {
    const last = segments.at(-1);
    if (last && last.sizeBytes < segmentBytes) return last;
    const segment = createSegment(folder, nextNumber++);
    segments.push(segment);
    return segment;
  }

  function flush(): void {
    const entries = pending;
    const told = telling;
    pending = [];
    telling = undefined;
    if (entries.length === 0) return;
    const parts = slabs.take();
    try {
      const segment = openSegment();
      writeToSegment(segment, parts);
      for (const entry of entries) if (!entry.isGone) place(entry, segment);
      unsynced.add(segment);
      cancelSync ??= clock.setTimer(syncEveryMs, () => void sync());
      isWritable = true;
    } catch (err) {
      // One that was to be moved is kept where it was.
      for (const entry of entries) if (!entry.segment) forget(entry);
      if (isWritable) log.error({ err, folder }, "the spool cannot be written");
      isWritable = false;
      told?.reject(err);
      return;
    }
    told?.resolve();
    trim();
  }

  function forget(entry: KeptEntry): void {
    if (entry.isGone) return;
    entry.isGone = true;
    kept.remove(entry);
    place(entry, undefined);
  }

  function place(entry: KeptEntry, segment: Segment | undefined): void {
    if (entry.segment) entry.segment.live--;
    if (segment) segment.live++;
    entry.segment = segment;
  }

  /** Deletes from the oldest file on what nobody wants, and moves what keeps too many files. */
  function trim(): void {
    for (let [oldest] = segments; oldest && segments.length > 1 && oldest.live === 0; [oldest] = segments) {
      segments.shift();
      deleteSegment(oldest);
    }
    const [oldest] = segments;
    if (segments.length <= maxSegments) return;
    for (const entry of kept) {
      if (entry.segment !== oldest) continue;
      entry.record = slabs.add(asIs, entry.record);
      schedule(entry);
    }
  }

  function schedule(entry: KeptEntry): void {
    if (pending.length === 0) setImmediate(flush);
    pending.push(entry);
  }

  async function sync(): Promise<void> {
    cancelSync?.();
    cancelSync = undefined;
    const files = [...unsynced];
    unsynced.clear();
    for (const segment of files) {
      try {
        if (segments.includes(segment)) await syncFile(segment.descriptor);
      } catch (err) {
        // One that was deleted meanwhile holds nothing that is wanted.
        if (segments.includes(segment)) log.error({ err, folder }, "the spool could not be synced");
      }
    }
  }

  function keep<T>(format: RecordFormat<T>, subject: T): KeptEntry {
    if (isClosed) throw new Error("the spool is closed");
    const record = slabs.add(format, subject);
    const entry: KeptEntry = { record, segment: undefined, isGone: false, previous: undefined, next: undefined };
    schedule(entry);
    kept.add(entry);
    return entry;
  }

  function written(): Promise<void> {
    if (pending.length === 0) return Promise.resolve();
    telling ??= Promise.withResolvers();
    return telling.promise;
  }

  /** Takes over what lies in a folder: its records are written anew here, then its files go. */
  function adopt(from: string): readonly SpoolEntry[] {
    const files = listSegmentFiles(from);
    const records = files.flatMap((path) => {
      const { records: found, isTorn } = readSegmentFile(path);
      if (isTorn) log.warn({ path, records: found.length }, "a spool file ends in a torn record, as after a crash");
      return found;
    });
    const release = () => {
      for (const path of files) rmSync(path, { force: true });
      releaseFolder(from);
    };
    if (records.length === 0) {
      release();
      return [];
    }
    const entries = records.map((record) => keep(asIs, record));
    // What cannot be written anew stays where it was.
    written()
      .then(sync)
      .then(release, () => undefined);
    return entries;
  }

  const spool: Spool = {
    append: (record) => keep(asIs, record),
    compose: keep,
    written,
    drop(entry) {
      forget(entry as KeptEntry);
    },
    adoptOrphans: () => takeOrphans(root).flatMap(adopt),
    get size() {
      return kept.size;
    },
    get isWritable() {
      return isWritable;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      flush();
      await sync();
      for (const segment of segments.splice(0)) {
        if (kept.size === 0) deleteSegment(segment);
        else closeSync(segment.descriptor);
      }
      releaseFolder(folder);
    },
  };
  return { spool, recovered: spool.adoptOrphans() };
}
