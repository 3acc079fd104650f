import { Failure, type FailureType, listFailureTypes } from "@lyss/kit/errors/failure.ts";
import { toDocName } from "@lyss/kit/http/failure-reply.ts";
import { toErrorObject } from "@lyss/services/ai-gateway/dialects/openai/failure-reply.ts";
import type { GeneratedFiles } from "./generated.ts";
import { loadServices } from "./topology.ts";

const errorsPath = "docs/errors.md";

/** docs/errors.md: every failure that a caller or an operator may be told, as the loaded services declare them. */
export async function generateErrorDocs(root: string): Promise<GeneratedFiles> {
  // A service brings its contract's failures with it.
  await loadServices(root);
  return { texts: new Map([[errorsPath, renderErrors(listFailureTypes())]]), folders: [] };
}

/** The page, with a heading and an anchor for each public code. */
export function renderErrors(types: readonly FailureType[]): string {
  const byDomain = Map.groupBy(types, ({ publicCode }) => publicCode.replace(/_\d+$/, ""));
  const domains = [...byDomain].map(
    ([domain, members]) => `## ${domain}\n\n${members.map(renderError).join("\n\n")}\n`,
  );
  return `${preface}\n${domains.join("\n")}`;
}

const preface = `# Errors

Written by \`npm run gen\` from the failures that the services declare. \`{name}\` is filled in when the error is sent.

An error of the REST API has the body below. \`message\` is in the language of \`Accept-Language\` (English or Chinese),
\`trace_id\` finds the request in the log, \`retryable\` says whether the same request may succeed later, and \`doc_url\` leads
to this page.

\`\`\`json
{"error": {"code": "AUTH_001", "message": "There is no such API key.",
  "message_i18n": {"zh_CN": "API 密钥不存在。", "en_US": "There is no such API key."},
  "details": {}, "trace_id": "3a12313e96ac69062f2317587959eb78", "retryable": false, "doc_url": "…/errors.md#auth-001"}}
\`\`\`

\`/v1/chat/completions\`, \`/v1/completions\`, \`/v1/embeddings\` and \`/v1/models\` answer in OpenAI's shape instead, so that
OpenAI's SDKs throw their own typed errors; the same endpoints under \`/api/v1/ai\` answer with the body above. \`code\` is the
code below, OpenAI's own where one is named, or the provider's own where it says what to mend, such as
\`context_length_exceeded\`. \`type\` follows the status: 401 \`authentication_error\`, 402 \`insufficient_quota\`, 403
\`permission_error\`, 429 \`rate_limit_error\`, others \`invalid_request_error\` below 500 and \`server_error\` from there on.

\`\`\`json
{"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "model_not_found", "trace_id": "…"}}
\`\`\`

\`BOOT_…\` errors are printed by \`lyss up\` when it cannot start.
`;

function renderError(type: FailureType): string {
  const { publicCode, code, kind, httpStatus, isRetryable, text } = type;
  const { error } = toErrorObject(new Failure(type), "en_US");
  const facts = [
    `HTTP ${httpStatus}`,
    isRetryable ? "retryable" : "not retryable",
    `\`${code}\``,
    `gRPC \`${kind}\``,
    ...(error["code"] === publicCode ? [] : [`\`${error["code"]}\` in OpenAI's shape`]),
  ];
  // A program that cannot start answers no requests: only the text reaches anybody.
  const line = publicCode.startsWith("BOOT_") ? `\`${code}\`` : facts.join(" · ");
  return `### <a id="${toDocName(publicCode)}"></a>${publicCode}\n\n${text.en_US}\n\n${text.zh_CN}\n\n${line}`;
}
