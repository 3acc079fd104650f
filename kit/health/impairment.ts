/**
 * A check rejects with it when something is wrong without which the process serves all the same: readiness shows it and
 * stays ready. The message is shown to anybody; what a driver or a library said belongs into the cause.
 */
export class Impairment extends Error {
  override readonly name = "Impairment";
}
