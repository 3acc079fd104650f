import { WireError } from "./wire-error.ts";

/** A video of the simulated provider, as OpenAI's API shows it (platform.openai.com/docs/api-reference/videos/object). */
interface SimulatedVideo {
  readonly id: string;
  readonly object: "video";
  readonly model: string;
  readonly prompt: string;
  readonly seconds: string;
  readonly size: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly completed_at: number | null;
  readonly remixed_from_video_id: null;
  readonly status: "queued" | "in_progress" | "completed" | "failed";
  readonly progress: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Entry {
  readonly asked: Pick<SimulatedVideo, "model" | "prompt" | "seconds" | "size">;
  readonly startedAtMs: number;
  readonly takesMs: number;
  readonly endsAs: "completed" | "failed";
}

const maxVideos = 1_000;
const daySeconds = 86_400;

/** Videos are as far as the clock says: nothing runs by itself. Of more than 1,000 the oldest go. */
export function createSimulatedVideos() {
  const entries = new Map<string, Entry>();

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry) return entry;
    throw new WireError(404, `Video with id '${id}' not found.`);
  }

  function show(id: string, nowMs: number): SimulatedVideo {
    const { asked, startedAtMs, takesMs, endsAs } = find(id);
    const created_at = Math.floor(startedAtMs / 1_000);
    const isOver = nowMs >= startedAtMs + takesMs;
    const isDone = isOver && endsAs === "completed";
    const endedAt = Math.floor((startedAtMs + takesMs) / 1_000);
    return {
      ...{ id, object: "video", ...asked, created_at, remixed_from_video_id: null },
      completed_at: isDone ? endedAt : null,
      expires_at: isDone ? endedAt + daySeconds : null,
      status: isOver ? endsAs : "in_progress",
      progress: isDone ? 100 : Math.min(99, Math.floor(((nowMs - startedAtMs) / Math.max(takesMs, 1)) * 100)),
      error: isOver && !isDone ? { code: "moderation_blocked", message: "Simulated: the video is refused." } : null,
    };
  }

  return {
    create(id: string, entry: Entry): SimulatedVideo {
      const [oldest] = entries.keys();
      if (entries.size === maxVideos && oldest !== undefined) entries.delete(oldest);
      entries.set(id, entry);
      return { ...show(id, entry.startedAtMs), status: "queued", progress: 0, completed_at: null, error: null };
    },
    get: show,
    list: (nowMs: number): readonly SimulatedVideo[] => [...entries.keys()].map((id) => show(id, nowMs)).toReversed(),
    remove(id: string): void {
      find(id);
      entries.delete(id);
    },
  };
}

export type SimulatedVideos = ReturnType<typeof createSimulatedVideos>;
