import type { SimulatedBatches } from "./batches.ts";
import type { SimulatedFiles } from "./files.ts";
import type { SimulatedTuning } from "./fine-tuning.ts";
import type { InlineBatches } from "./inline-batches.ts";
import type { SimulatedPredictions } from "./predictions.ts";
import type { SimulatedVideos } from "./videos.ts";

/** What one simulated provider keeps for its clients. */
export interface Desk {
  readonly files: SimulatedFiles;
  readonly batches: SimulatedBatches;
  /** Those of Anthropic's and Google's forms. */
  readonly inline: InlineBatches;
  readonly videos: SimulatedVideos;
  readonly predictions: SimulatedPredictions;
  readonly tuning: SimulatedTuning;
}
