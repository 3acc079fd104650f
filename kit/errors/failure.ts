/** The 16 gRPC status kinds other than `ok`, spelt as in google.rpc.Code (https://grpc.io/docs/guides/status-codes/). */
export type FailureKind =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/** The languages in which a person may read a failure. */
export type Locale = "en_US" | "zh_CN";

/** Facts of one failure, safe to show to the caller. They also fill `{name}` in the texts. */
export type FailureDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** One row of a contract's failure table. */
export interface FailureSpec {
  /** Decides the gRPC status and, unless `httpStatus` says otherwise, the HTTP status. */
  readonly kind: FailureKind;
  /** The code people and programs see, such as `BILLING_001`. Never reused. */
  readonly publicCode: string;
  /** Safe texts; `{name}` is replaced by the detail of that name. */
  readonly text: Readonly<Record<Locale, string>>;
  /** True when the same request may succeed later without being changed. */
  readonly isRetryable?: boolean;
  /** HTTP status where the kind's own one is not the one users expect (402, 413, …). */
  readonly httpStatus?: number;
}

/** A failure that callers are told to expect. */
export interface FailureType extends Required<Omit<FailureSpec, "httpStatus">> {
  /** Stable name through every layer: `<domain>.<name>`. */
  readonly code: string;
  readonly httpStatus: number;
}

const httpStatusByKind: Readonly<Record<FailureKind, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

const typesByCode = new Map<string, FailureType>();

/**
 * Declares a contract's failures. Afterwards each is found by its code, in every process that loads the table.
 * Throws a TypeError when a code is declared twice.
 */
export function defineFailures<const Table extends Record<string, FailureSpec>>(
  domain: string,
  table: Table,
): { readonly [Name in keyof Table]: FailureType } {
  const entries = Object.entries(table).map(([name, spec]) => {
    const code = `${domain}.${name}`;
    if (typesByCode.has(code)) throw new TypeError(`failure ${code} is declared twice`);
    const type: FailureType = {
      ...spec,
      code,
      isRetryable: spec.isRetryable ?? false,
      httpStatus: spec.httpStatus ?? httpStatusByKind[spec.kind],
    };
    typesByCode.set(code, type);
    return [name, type] as const;
  });
  return Object.fromEntries(entries) as { readonly [Name in keyof Table]: FailureType };
}

/** The declared failure of that code, or undefined when no loaded contract declares it. */
export function findFailureType(code: string): FailureType | undefined {
  return typesByCode.get(code);
}

/** Every failure declared by the loaded contracts, ordered by public code. */
export function listFailureTypes(): readonly FailureType[] {
  return [...typesByCode.values()].sort((a, b) => a.publicCode.localeCompare(b.publicCode, "en"));
}

/** The text of a failure in a language, with its details filled in; a detail `x_zh_CN` stands for `x` in Chinese. */
export function failureText(type: FailureType, details: FailureDetails, locale: Locale): string {
  return type.text[locale].replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = details[`${name}_${locale}`] ?? details[name];
    if (value === undefined) return placeholder;
    return typeof value === "object" ? value.join(", ") : String(value);
  });
}

/**
 * An expected failure. `details` go to the caller; `cause` goes to the log only.
 * Anything thrown that is not a Failure is a bug and reaches the caller as `kit.internal`.
 */
export class Failure extends Error {
  readonly type: FailureType;
  readonly details: FailureDetails;
  /** How long the caller should wait before a repeat, when that is known. */
  readonly retryAfterMs: number | undefined;

  constructor(
    type: FailureType,
    details: FailureDetails = {},
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(failureText(type, details, "en_US"), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.type = type;
    this.details = details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for a Failure, and where a type is given only for one of that type. */
export function isFailure(err: unknown, type?: FailureType): err is Failure {
  return err instanceof Failure && (type === undefined || err.type.code === type.code);
}
