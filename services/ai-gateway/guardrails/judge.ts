import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Rule } from "./compile-rule.ts";
import type { Side } from "./guardrail.ts";

/** The call whose texts somebody else is asked about. */
export interface JudgedCall {
  /** Empty for a text that is only tried. */
  readonly callId: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly tags: TagsText;
  /** What its caller calls the model; empty for a text that is only tried. */
  readonly model: string;
}

/** What a rule asks whoever judges for it. */
export interface Question {
  readonly side: Side;
  readonly texts: readonly string[];
  /** What was said right before each of them and has left already; empty strings for nothing. */
  readonly before: readonly string[];
  readonly call: JudgedCall;
  /** So long the answer is waited for. */
  readonly limitMs: number;
  /** Aborted when nobody waits for the call any more. */
  readonly signal: AbortSignal;
}

export type Verdict =
  | { readonly action: "allow" }
  /** `reason` is a short code. */
  | { readonly action: "block"; readonly reason: string }
  /** Of each text, what stands in its place. */
  | { readonly action: "replace"; readonly texts: readonly string[]; readonly reason?: string | undefined };

/** Asks what a rule names outside of this process. Throws a JudgeError where no verdict came, or the signal's reason. */
export type Judge = (rule: Rule, question: Question) => Promise<Verdict>;

/** Codes for why no verdict came: what was wrong with the answer, or a failure's public code. */
export type JudgeFault =
  | "timeout"
  | "unreachable"
  | "busy"
  | "circuit_open"
  | "status"
  | "too_large"
  | "malformed"
  | `${Uppercase<string>}_${string}`;

/** No verdict came. Holds nothing of what was sent or answered. */
export class JudgeError extends Error {
  readonly fault: JudgeFault;

  constructor(fault: JudgeFault, options?: { readonly cause?: unknown }) {
    super(`no verdict: ${fault}`, options);
    this.name = "JudgeError";
    this.fault = fault;
  }
}
