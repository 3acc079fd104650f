import { Code, ConnectError } from "@connectrpc/connect";
import { Failure, type FailureDetails, type FailureKind, failureText, findFailureType } from "../errors/failure.ts";
import { toErrorDetails } from "./error-details.ts";

const codeHeader = "lyss-failure";
const detailsHeader = "lyss-failure-details";
const retryAfterHeader = "lyss-retry-after-ms";
/** Header blocks are small by nature: gRPC peers promise each other no more than 8 KiB. */
const maxDetailsLength = 6_144;
/** Details longer than this in our own form are not sent in the standard one besides. */
const maxStandardDetailsLength = 1_024;

const grpcCodes: Readonly<Record<FailureKind, Code>> = {
  canceled: Code.Canceled,
  unknown: Code.Unknown,
  invalid_argument: Code.InvalidArgument,
  deadline_exceeded: Code.DeadlineExceeded,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  out_of_range: Code.OutOfRange,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  data_loss: Code.DataLoss,
  unauthenticated: Code.Unauthenticated,
};

/**
 * A failure as it crosses between services: its gRPC status with the English text for any client, and its code, details
 * and retry time in metadata for ours; other clients find them in the standard error details, up to 1,024 characters. The
 * cause stays behind. Details longer than 6,144 characters are left out.
 */
export function toConnectError(failure: Failure): ConnectError {
  const { type, details, retryAfterMs } = failure;
  const metadata: Record<string, string> = { [codeHeader]: type.code };
  const encoded = Object.keys(details).length > 0 ? Buffer.from(JSON.stringify(details)).toString("base64url") : "";
  if (encoded !== "" && encoded.length <= maxDetailsLength) metadata[detailsHeader] = encoded;
  if (retryAfterMs !== undefined) metadata[retryAfterHeader] = String(Math.ceil(retryAfterMs));
  const standard = encoded.length <= maxStandardDetailsLength ? toErrorDetails(failure) : [];
  return new ConnectError(failureText(type, details, "en_US"), grpcCodes[type.kind], metadata, standard);
}

/** The failure that a peer sent, or undefined when the error names none that this process has declared. */
export function fromConnectError(err: ConnectError): Failure | undefined {
  const type = findFailureType(err.metadata.get(codeHeader) ?? "");
  if (type === undefined) return undefined;
  const retryAfterMs = Number(err.metadata.get(retryAfterHeader) ?? Number.NaN);
  return new Failure(type, parseDetails(err.metadata.get(detailsHeader)), {
    retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : undefined,
  });
}

function parseDetails(header: string | null): FailureDetails {
  if (header === null) return {};
  try {
    const details = JSON.parse(Buffer.from(header, "base64url").toString());
    return typeof details === "object" && details !== null ? details : {};
  } catch {
    return {};
  }
}
