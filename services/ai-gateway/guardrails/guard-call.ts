import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { CallRequest } from "../call/read-request.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AnswerGuard, AskedCall, ReadCall } from "../dialects/dialect.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { findFields } from "../dialects/openai/json-fields.ts";
import type { Target } from "../model.ts";
import { writesText } from "../surfaces/surface.ts";
import { createAnswerGuard } from "./answer-guard.ts";
import type { Rule } from "./compile-rule.ts";
import { createFindings, type Finding } from "./findings.ts";
import { looksAt } from "./guardrail.ts";
import type { Guardrails } from "./guardrails.ts";
import { createPlaceholders } from "./placeholders.ts";
import { changeTexts } from "./request-texts.ts";
import { type FilterParts, filterText, filterTextAtOnce } from "./text-filter.ts";

/** A call that rules are for. */
export interface CallToGuard {
  readonly callId: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly tags: TagsText;
  /** What its caller calls the model, and what that means. */
  readonly models: readonly string[];
  readonly askedCall: AskedCall;
  readonly targets: readonly Target[];
  readonly maxKeptLength: number;
}

/** What rules have made of a call. */
export interface GuardedCall {
  readonly askedCall: AskedCall;
  /** Tells answers apart that other rules, or other versions of them, have let through. */
  readonly fingerprint: string;
  /** What was found in the request. */
  readonly findings: readonly Finding[];
  /** Tells what was found in the answer, however the call has ended, and gives all that was found in it. */
  end(): readonly Finding[];
}

/**
 * Looks at a request before money is set aside for it, and sees to it that its answer is looked at. Undefined where no rule is for the
 * call. Throws `guardrail_blocked` and `guardrail_failed`.
 */
export async function guardCall(guardrails: Guardrails, call: CallToGuard): Promise<GuardedCall | undefined> {
  const { caller, tags, models, askedCall, targets } = call;
  const rules = guardrails.rulesFor(caller, models, tags);
  if (rules.length === 0 || askedCall.asked.surface === "moderations") return undefined;
  const findings = createFindings(guardrails.clock);
  const placeholders = createPlaceholders(guardrails.keyOf(caller.tenantId));
  const told: Finding[] = [];
  const tell = () => {
    const fresh = guardrails.tell(call, findings.take());
    told.push(...fresh);
    return fresh;
  };
  const parts = { findings, placeholders };
  const asking: FilterParts = {
    ...parts,
    side: "request",
    rules: rules.filter(({ guardrail }) => looksAt(guardrail, "request")),
  };
  const answering = rules.filter(({ guardrail }) => looksAt(guardrail, "answer"));
  const known = new Map<string, string>();
  let found: readonly Finding[];
  try {
    if (asking.rules.length > 0) await lookAt(asking, known, askedCall, targets);
  } finally {
    found = tell();
  }
  const change = (text: string) => known.get(text) ?? filterTextAtOnce(asking, text);
  const openGuard = (read: ReadCall, provider: AskedProvider): AnswerGuard | undefined => {
    if (!writesText(read.request.surface) || (answering.length === 0 && placeholders.isEmpty)) return undefined;
    const dialect = read.wire ? dialectOf(provider.dialect) : "chat";
    return createAnswerGuard({ ...parts, rules: answering, dialect, maxKeptLength: call.maxKeptLength });
  };
  return {
    fingerprint: fingerprintOf(rules),
    findings: found,
    end() {
      tell();
      return told;
    },
    askedCall: {
      ...askedCall,
      readFor(provider, upstreamName) {
        const read = askedCall.readFor(asTranslated(provider), upstreamName);
        const request = asking.rules.length > 0 ? changeRequest(read.request, change) : read.request;
        const guarded = { ...read, request };
        return { ...guarded, openGuard: () => openGuard(guarded, provider) };
      },
    },
  };
}

type AskedProvider = Parameters<AskedCall["readFor"]>[0];

/** Bytes that go through are looked at in the forms of Anthropic and Google, at these themselves; every other call is translated. */
function asTranslated(provider: AskedProvider): AskedProvider {
  return dialectOf(provider.dialect) === "chat" ? { ...provider, dialect: "openai" } : provider;
}

/** Callers who speak as the provider does get its form; every other answer is translated from chat's. */
function dialectOf(dialect: AskedProvider["dialect"]): "chat" | "anthropic" | "gemini" {
  return dialect === "anthropic" || dialect === "gemini" ? dialect : "chat";
}

function fingerprintOf(rules: readonly Rule[]): string {
  return rules.map(({ guardrail: { tenantId, name, version } }) => `${tenantId} ${name} ${version}`).join("\n");
}

/** Looks at every text of the request as the first target would have it that takes it; other calls go on meanwhile. */
async function lookAt(
  parts: FilterParts,
  known: Map<string, string>,
  askedCall: AskedCall,
  targets: readonly Target[],
): Promise<void> {
  const request = readForFirst(askedCall, targets);
  if (!request) return;
  const texts = new Set<string>();
  for (const json of jsonsOf(request)) {
    changeTexts(json, (text) => {
      texts.add(text);
      return text;
    });
  }
  for (const text of texts) known.set(text, await filterText(parts, text));
}

/** Undefined where none takes it: then its caller hears why when it is prepared. */
function readForFirst(askedCall: AskedCall, targets: readonly Target[]): CallRequest | undefined {
  for (const { provider, model } of targets) {
    try {
      return askedCall.readFor(asTranslated(provider), model.upstreamName).request;
    } catch {
      // The next may take it.
    }
  }
  return undefined;
}

/** What goes upstream, and what is counted where that is not the same. */
function jsonsOf({ body, json }: CallRequest): readonly Readonly<Record<string, unknown>>[] {
  return [parseExact(body.toString("utf8")) as Readonly<Record<string, unknown>>, json];
}

function changeRequest(request: CallRequest, change: (text: string) => string): CallRequest {
  const [sent = {}, counted = {}] = jsonsOf(request);
  const changed = changeTexts(sent, change);
  if (changed === sent) return request;
  // A form goes upstream as it came, and with it what is to be masked.
  if (request.form)
    throw refuseField(
      "prompt",
      "holds what has to be masked, which a form cannot be",
      "含有需要遮盖的内容，而表单无法遮盖",
    );
  const body = Buffer.from(JSON.stringify(changed));
  const fields = findFields(body, new Set(request.fields.keys())) ?? request.fields;
  return { ...request, body, fields, json: changeTexts(counted, change) };
}
