/** Of files that anybody is shown. */
export const shownPurposes = ["batch", "batch_output", "fine-tune", "fine-tune-results"] as const;
export type ShownPurpose = (typeof shownPurposes)[number];
