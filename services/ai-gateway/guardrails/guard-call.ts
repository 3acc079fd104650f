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
import { type Asking, askRules } from "./ask-rules.ts";
import { isAsking, type Rule } from "./compile-rule.ts";
import { createFindings, type Finding } from "./findings.ts";
import { looksAt, type Side } from "./guardrail.ts";
import type { Guardrails } from "./guardrails.ts";
import { JudgeError } from "./judge.ts";
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
  /** Aborted when nobody waits for the call any more. */
  readonly signal: AbortSignal;
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
 * call. Throws `guardrail_blocked`, `guardrail_failed`, and the signal's reason.
 */
export async function guardCall(guardrails: Guardrails, call: CallToGuard): Promise<GuardedCall | undefined> {
  const { caller, tags, models, askedCall } = call;
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
  const sideOf = (side: Side): LookedAtSide => {
    const all = rules.filter(({ guardrail }) => looksAt(guardrail, side));
    const asking = all.filter(isAsking);
    const asked = { ...call, model: askedCall.model };
    return {
      filter: { findings, placeholders, side, rules: all.filter((rule) => !isAsking(rule)) },
      asking: asking.length > 0 ? { rules: asking, side, findings, judge: guardrails.judge, call: asked } : undefined,
    };
  };
  const request = sideOf("request");
  const answer = sideOf("answer");
  const known = new Map<string, string>();
  const isLookedAt = request.filter.rules.length > 0 || request.asking !== undefined;
  let found: readonly Finding[];
  try {
    if (isLookedAt) await lookAt(request, known, call);
  } finally {
    found = tell();
  }
  const change = (text: string) => known.get(text) ?? changeUnasked(request, text);
  const openGuard = (read: ReadCall, provider: AskedProvider): AnswerGuard | undefined => {
    const { filter, asking } = answer;
    if (!writesText(read.request.surface)) return undefined;
    if (filter.rules.length === 0 && !asking && placeholders.isEmpty) return undefined;
    const dialect = read.wire ? dialectOf(provider.dialect) : "chat";
    return createAnswerGuard({ ...filter, dialect, asking, maxKeptLength: call.maxKeptLength });
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
        const guarded = isLookedAt ? { ...read, request: changeRequest(read.request, change) } : read;
        return {
          ...{ ...guarded, openGuard: () => openGuard(guarded, provider) },
          ...(isLookedAt && { toTell: (text) => changeUnasked(request, text) }),
        };
      },
    },
  };
}

/** The rules of one side of a call: those that look themselves, and those that ask others about what these leave. */
interface LookedAtSide {
  readonly filter: FilterParts;
  readonly asking: Asking | undefined;
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

/**
 * Looks at every text of the request as the first target would have it that takes it; other calls go on meanwhile. Whom rules ask is shown
 * it in every form that it may take on its way.
 */
async function lookAt(
  { filter, asking }: LookedAtSide,
  known: Map<string, string>,
  { askedCall, targets, signal }: CallToGuard,
): Promise<void> {
  const texts = new Set<string>();
  for (const json of readForms(askedCall, targets, asking ? 3 : 1).flatMap(jsonsOf)) {
    changeTexts(json, (text) => {
      texts.add(text);
      return text;
    });
  }
  for (const text of texts) known.set(text, await filterText(filter, text));
  if (!asking) return;
  const judged = await askRules(asking, { texts: [...known.values()] }, signal);
  for (const [n, text] of [...known.keys()].entries()) known.set(text, judged[n] ?? "");
}

/** None where no target takes it: then its caller hears why when it is prepared. */
function readForms(askedCall: AskedCall, targets: readonly Target[], most: number): readonly CallRequest[] {
  const forms = new Map<string, CallRequest>();
  for (const { provider, model } of targets) {
    const form = dialectOf(provider.dialect);
    if (forms.has(form)) continue;
    try {
      forms.set(form, askedCall.readFor(asTranslated(provider), model.upstreamName).request);
    } catch {
      // The next may take it.
    }
    if (forms.size === most) break;
  }
  return [...forms.values()];
}

/** A text that stood in none of the forms: nobody can be asked about it any more. */
function changeUnasked({ filter, asking }: LookedAtSide, text: string): string {
  for (const rule of asking?.rules ?? []) asking?.findings.fail(rule, asking.side, new JudgeError("malformed"));
  return filterTextAtOnce(filter, text);
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
