import { FetchError } from "@lyss/kit/http/guarded-fetch.ts";
import type { ExportProblem, ExportReason } from "./export.ts";

/** Why a batch was not taken. */
export class ExportError extends Error {
  readonly problem: ExportProblem;
  /** True for what a repeat will not mend: the other side says that we are wrong. */
  readonly isPermanent: boolean;

  constructor(problem: ExportProblem, { isPermanent = false, cause }: { isPermanent?: boolean; cause?: unknown } = {}) {
    super(`records are not taken: ${problem.reason} ${problem.status ?? ""} ${problem.code ?? ""}`.trim(), { cause });
    this.name = "ExportError";
    this.problem = problem;
    this.isPermanent = isPermanent;
  }
}

const reasons: Readonly<Record<FetchError["reason"], ExportReason>> = {
  refused: "address_refused",
  unreachable: "unreachable",
  timeout: "timeout",
  too_large: "too_large",
};

export function toExportError(err: unknown): ExportError {
  if (err instanceof ExportError) return err;
  if (err instanceof FetchError) {
    return new ExportError({ reason: reasons[err.reason] }, { isPermanent: err.reason === "refused", cause: err });
  }
  return new ExportError({ reason: "internal" }, { cause: err });
}

const maybeLater: ReadonlySet<number> = new Set([408, 425, 429]);

/** Throws for a status that does not say that all went well. `code` is shown where it looks like one, and not like a secret. */
export function checkStatus(status: number, code?: string | undefined): void {
  if (status >= 200 && status < 300) return;
  const isPermanent = status < 500 && !maybeLater.has(status);
  const shown = code !== undefined && /^[A-Za-z]{1,60}$/.test(code) ? { code } : {};
  throw new ExportError({ reason: "answered_with_error", status, ...shown }, { isPermanent });
}
