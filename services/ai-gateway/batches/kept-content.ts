import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { DiskFile } from "./disk-file.ts";
import type { FileStore } from "./file-store.ts";

/** What files hold whose account has no place for them: it stays here until a batch is made of it. */
export interface KeptContent {
  /** Beside the file's row, which takes it along when it goes. */
  keep(tx: Tx, fileId: string, content: DiskFile): Promise<void>;
  /** In its order; nothing for a file that is not kept here. */
  pieces(fileId: string): AsyncGenerator<Buffer>;
}

export interface KeptContentDeps {
  readonly fileStore: FileStore;
  readonly random: Random;
  /** 32 bytes: what is kept is sealed with it. */
  readonly key: Buffer;
}

const pieceBytes = 1_048_576;

export function createKeptContent({ fileStore, random, key }: KeptContentDeps): KeptContent {
  const bindingOf = (fileId: string, number: number) => JSON.stringify([fileId, number]);
  return {
    async keep(tx, fileId, content) {
      for (let at = 0, number = 0; at < content.size; at += pieceBytes, number++) {
        const piece = Buffer.alloc(Math.min(pieceBytes, content.size - at));
        await content.read(piece, at);
        const sealed = seal(random, key, piece, bindingOf(fileId, number));
        await fileStore.insertPiece(tx, fileId, number, sealed);
      }
    },
    async *pieces(fileId) {
      for (let number = 0; ; number++) {
        const sealed = await fileStore.findPiece(fileId, number);
        if (!sealed) return;
        const piece = unseal(key, sealed, bindingOf(fileId, number));
        if (!piece) throw new Error("what is kept of a file does not open with this installation's key");
        yield piece;
      }
    },
  };
}
