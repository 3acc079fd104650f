import type { StoredRun } from "@lyss/kit/workflow/workflow-store.ts";
import { z } from "zod";

/** A run of a saga, as operators see it. */
export type Run = StoredRun;

/** Which run is meant. */
export interface RunReference {
  /** `<service>/<saga>/<id>`. */
  readonly runId: string;
}

/** Bounds of what callers may enter. */
export const runFields = {
  runId: z.string().min(1).max(256),
  service: z
    .string()
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    .max(50),
  saga: z.string().min(1).max(60),
  state: z.enum(["running", "parked", "done", "compensated", "failed"]),
};
