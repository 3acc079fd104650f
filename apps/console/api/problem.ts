import { language } from "../app/language.ts";

interface ProblemFacts {
  readonly status: number;
  /** `BILLING_001`; `network` where no answer came. */
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly traceId: string | undefined;
  readonly docUrl: string | undefined;
}

/** Why an operation did not succeed, in the person's language. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly traceId: string | undefined;
  /** Where it is explained. */
  readonly docUrl: string | undefined;

  constructor({ status, code, message, details, traceId, docUrl }: ProblemFacts) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.details = details;
    this.traceId = traceId;
    this.docUrl = docUrl;
  }

  /** Which field of a form is meant; undefined when it is none. */
  get field(): string | undefined {
    const { field } = this.details;
    return typeof field === "string" ? field.replace(/^(body|query|path)\./, "").split(".")[0] : undefined;
  }

  /** What is wrong with the field. */
  get reason(): string {
    const reason = this.details[language() === "zh-CN" ? "reason_zh_CN" : "reason"];
    return typeof reason === "string" ? reason : this.message;
  }

  /** Whether it only takes a fresh proof of who this is. */
  get isStepUp(): boolean {
    return this.status === 403 && "maxAgeSeconds" in this.details;
  }
}

/** What went wrong, in the platform's own shape or a vendor's. */
export async function readProblem(answer: Response): Promise<Problem> {
  const { status } = answer;
  const body = (await answer.json().catch(() => undefined)) as { readonly error?: Record<string, unknown> } | undefined;
  const error = typeof body?.error === "object" ? body.error : {};
  const texts = error["message_i18n"] as Readonly<Record<string, string>> | undefined;
  const message = texts?.[language() === "zh-CN" ? "zh_CN" : "en_US"] ?? error["message"] ?? `HTTP ${status}`;
  return new Problem({
    status,
    code: String(error["code"] ?? `HTTP_${status}`),
    message: String(message),
    details: (error["details"] ?? {}) as ProblemFacts["details"],
    traceId:
      typeof error["trace_id"] === "string" ? error["trace_id"] : (answer.headers.get("x-request-id") ?? undefined),
    docUrl: typeof error["doc_url"] === "string" ? error["doc_url"] : undefined,
  });
}

export function unreachable(): Problem {
  const message =
    language() === "zh-CN"
      ? "无法连接服务器。请检查网络，或确认 Lyss 正在运行。"
      : "The server cannot be reached. Check the network, and that Lyss is running.";
  return new Problem({ status: 0, code: "network", message, details: {}, traceId: undefined, docUrl: undefined });
}
