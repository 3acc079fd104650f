import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { type Failure, type FailureDetails, failureText } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";

type Details = NonNullable<ConstructorParameters<typeof ConnectError>[3]>;
type Violations = NonNullable<MessageInitShape<typeof BadRequestSchema>["fieldViolations"]>;

/**
 * A failure's facts for clients that are not ours, as google.rpc.Status details (https://google.aip.dev/193): what it is
 * (`billing` and `INSUFFICIENT_BALANCE`) with its details, its text in Chinese, when to come back, which fields are at fault.
 */
export function toErrorDetails({ type, details, retryAfterMs }: Failure): Details {
  const [domain = "", name = ""] = type.code.split(".", 2);
  const metadata = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, toText(value)]));
  const all: Details[number][] = [
    describe(ErrorInfoSchema, { reason: name.toUpperCase(), domain, metadata }),
    describe(LocalizedMessageSchema, { locale: "zh-CN", message: failureText(type, details, "zh_CN") }),
  ];
  if (retryAfterMs !== undefined) all.push(describe(RetryInfoSchema, { retryDelay: toDuration(retryAfterMs) }));
  if (type.code === kitFailures.invalid_request.code) {
    all.push(describe(BadRequestSchema, { fieldViolations: toViolations(details) }));
  }
  return all;
}

function describe<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Details[number] {
  return { desc, value };
}

function toViolations(details: FailureDetails): Violations {
  const problems = details["problems"];
  if (!Array.isArray(problems)) {
    return [{ field: toText(details["field"] ?? ""), description: toText(details["reason"] ?? "") }];
  }
  return problems.map((problem: string) => {
    const [field = "", ...rest] = problem.split(": ");
    return { field, description: rest.join(": ") };
  });
}

function toDuration(durationMs: number) {
  const seconds = Math.floor(durationMs / 1_000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((durationMs - seconds * 1_000) * 1e6) });
}

function toText(value: FailureDetails[string]): string {
  return typeof value === "object" ? value.join(", ") : String(value);
}
