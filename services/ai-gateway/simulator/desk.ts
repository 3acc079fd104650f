import type { SimulatedBatches } from "./batches.ts";
import type { SimulatedFiles } from "./files.ts";
import type { SimulatedVideos } from "./videos.ts";

/** What one simulated provider keeps for its clients. */
export interface Desk {
  readonly files: SimulatedFiles;
  readonly batches: SimulatedBatches;
  readonly videos: SimulatedVideos;
}
