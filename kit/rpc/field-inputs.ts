import { z } from "zod";

/** Bounds of fields that many requests have. An id that is required. */
export const idInput = z.string().min(1).max(64);
/** An id that may be left out, and is empty then. */
export const optionalIdInput = z.string().max(64);
/** A field that was not given when it is empty on the wire, and is undefined then. */
export const orEmpty = <Field extends z.ZodType>(field: Field) =>
  z.union([z.literal("").transform(() => undefined), field]);
/** Fields of a request for one page of a list, for `fromPageRequest`; 0 and empty are left out. */
export const pageInputs = { limit: z.int().min(0).max(200), cursor: z.string().max(512) };

// As google.protobuf.Timestamp has it: the years 1 to 9999.
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/** A google.protobuf.Timestamp that may be left out, as a Date or null. What is shorter than a millisecond is dropped. */
export const timestampInput = z
  .object({ seconds: z.bigint().min(firstSecond).max(lastSecond), nanos: z.int().min(0).max(999_999_999) })
  .optional()
  .transform((time) => (time ? new Date(Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6)) : null));
