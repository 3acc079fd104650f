import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Random } from "@lyss/kit/service/ids.ts";

/** Bytes that are too many to keep in memory: a file without a name, which is gone with the process, however that ends. */
export interface DiskFile {
  readonly size: number;
  /** Adds to the end. */
  append(bytes: Uint8Array): Promise<void>;
  /** Bytes from `at` on, as many as fit into `into`; gives how many those are. */
  read(into: Buffer, at: number): Promise<number>;
  /** The bytes from `start` up to `end`, in pieces. */
  pieces(start: number, end: number): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/** Short, so that what is read of a piece holds up no call. */
const pieceBytes = 32_768;

/** An empty one in `folder`, which is made where it is missing. */
export async function openDiskFile(folder: string, random: Random): Promise<DiskFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, random.id("upload"));
  const handle = await open(path, "wx+", 0o600);
  await unlink(path);
  return onHandle(handle);
}

function onHandle(handle: FileHandle): DiskFile {
  let size = 0;
  return {
    get size() {
      return size;
    },
    async append(bytes) {
      for (let from = 0; from < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, from, bytes.length - from, size);
        from += bytesWritten;
        size += bytesWritten;
      }
    },
    read: async (into, at) => (await handle.read(into, 0, into.length, at)).bytesRead,
    async *pieces(start, end) {
      for (let at = start; at < end; ) {
        const { bytesRead, buffer } = await handle.read(
          Buffer.allocUnsafe(Math.min(pieceBytes, end - at)),
          0,
          null,
          at,
        );
        if (bytesRead === 0) throw new RangeError("a file is shorter than it was");
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    close: () => handle.close(),
  };
}

/** Writes a request's body to `file` as it comes. Throws `kit.body_too_large`, and `kit.canceled` when the client goes away. */
export async function receiveBody(req: IncomingMessage, file: DiskFile, limitBytes: number): Promise<void> {
  try {
    // Without this, leaving the loop would destroy the socket over which the refusal has to go.
    for await (const piece of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (file.size + piece.length > limitBytes) throw new Failure(kitFailures.body_too_large, { limitBytes });
      await file.append(piece);
    }
  } catch (err) {
    if (req.complete || err instanceof Failure) throw err;
    throw new Failure(kitFailures.canceled, {}, { cause: err });
  }
}
