import { stat } from "node:fs/promises";
import type { Clock } from "../service/clock.ts";

const defaultEveryMs = 400;

/**
 * Calls `onChange` when the file at `path` has become another one or has other content: written in place, replaced by a
 * rename, or reached through a symbolic link that now leads elsewhere, as a Kubernetes ConfigMap's does. It is called
 * once the file has stayed the same for `everyMs`, so that one half written is not read; also once at first, and when the
 * file is gone. The returned function ends it.
 *
 * The file is asked for, not listened to: that works on every mount, through every chain of links, and uses up nothing.
 */
export function watchFile(
  path: string,
  { clock, everyMs = defaultEveryMs }: { readonly clock: Clock; readonly everyMs?: number },
  onChange: () => void,
): () => void {
  let last: string | undefined;
  let reported: string | undefined;
  let isEnded = false;
  let cancel = clock.setTimer(0, look);

  function look(): void {
    void identify(path).then((identity) => {
      if (isEnded) return;
      if (identity === last && identity !== reported) {
        reported = identity;
        onChange();
      }
      last = identity;
      cancel = clock.setTimer(everyMs, look);
    });
  }

  return () => {
    isEnded = true;
    cancel();
  };
}

/** Differs whenever the content may differ. A file that cannot be looked at is as good as none. */
async function identify(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return "none";
  }
}
