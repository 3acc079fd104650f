import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { onCut, protocolsOf } from "@lyss/kit/http/upgrade.ts";
import { acceptWebSocket } from "@lyss/kit/http/web-socket.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { servedBy } from "../call/call.ts";
import { counterFor } from "../call/count-tokens.ts";
import { readTags } from "../call/read-tags.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Target } from "../model.ts";
import { connectUpstream, type UpstreamSession } from "./connect-upstream.ts";
import { findSpeakers } from "./find-speakers.ts";
import { openSession } from "./open-session.ts";
import { type RelayedSession, relaySession } from "./relay-session.ts";
import { requireWebSocket } from "./require-web-socket.ts";
import { createSessionMeter, type SessionMeter } from "./session-meter.ts";

/** The subprotocol that is answered to whoever offers any. */
const protocol = "realtime";
const betaProtocol = /^openai-beta\.(realtime-v\d+)$/;
const betaHeader = /^realtime=v\d+$/;

interface Opened {
  readonly target: Target;
  readonly meter: SessionMeter;
  readonly upstream: UpstreamSession;
  readonly attempt: number;
}

/**
 * One session of OpenAI's realtime dialect: there is a place for it, money is set aside and the provider has answered before the client's
 * handshake is. Throws a Failure until then. Resolves when the session is over and settled.
 */
export async function serveSession(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { req, res } = exchange;
  const named = readModel(req.url ?? "");
  const caller = requireWebSocket(deps, exchange);
  const offered = protocolsOf(req);
  if (offered.length > 0 && !offered.includes(protocol)) {
    throw refuseField("sec-websocket-protocol", `must offer ${protocol}`, `必须包含 ${protocol}`);
  }
  const giveBack = deps.sessionPlaces.take(caller);
  const { abort, drain, leave } = openSession(deps.openCalls);
  const onLeft = () => abort.abort(new Failure(kitFailures.canceled));
  res.once("close", onLeft);
  onCut(res, (why) => abort.abort(why));
  try {
    const { model, prelude } = await prepare(deps, caller, named);
    const opened = await openAtFirst(deps, exchange, { caller, model, signal: abort.signal });
    res.removeListener("close", onLeft);
    const { catalog } = deps;
    await converse(deps, exchange, opened, { catalog, caller, model, prelude, abort: abort.signal, drain });
  } finally {
    giveBack();
    leave();
  }
}

type Prepared = Pick<RelayedSession, "catalog" | "caller" | "model" | "prelude" | "abort" | "drain">;

/** Answers the handshake, and relays until all is over and settled. */
async function converse(
  deps: AiGatewayDeps,
  exchange: Exchange,
  { target, meter, upstream, attempt }: Opened,
  prepared: Prepared,
): Promise<void> {
  const { req, context } = exchange;
  try {
    const client = acceptWebSocket(exchange, {
      protocol: protocolsOf(req).length > 0 ? protocol : undefined,
      maxMessageBytes: deps.settings.realtime.maxMessageBytes,
      headers: servedBy(target, attempt),
    });
    if (!client) {
      upstream.socket.terminate();
      await meter.end("canceled");
      return;
    }
    const { locale } = context;
    await relaySession(deps, { ...prepared, target, meter, client, upstream: upstream.socket, locale });
  } finally {
    upstream.leave();
  }
}

/**
 * The model of a session, and with what it begins: who comes with an ephemeral key has said both before. Throws `invalid_request` for
 * another model than that, and where there is none, and `kit.unauthenticated` for a key whose time is over.
 */
async function prepare(
  { ephemeralSessions }: Pick<AiGatewayDeps, "ephemeralSessions">,
  { tenantId, ephemeralKeyId }: Caller,
  named: string | undefined,
): Promise<{ readonly model: string; readonly prelude: Buffer | undefined }> {
  if (ephemeralKeyId === undefined) {
    if (named !== undefined) return { model: named, prelude: undefined };
    throw refuseField(
      "model",
      "must be the name of a model; GET /v1/models lists them",
      "必须是模型名称，见 GET /v1/models",
    );
  }
  const session = await ephemeralSessions.find(tenantId, ephemeralKeyId);
  if (!session) throw new Failure(kitFailures.unauthenticated);
  const { model, settings } = session;
  if (named !== undefined && named !== model) {
    throw refuseField(
      "model",
      `must be '${model}', for which the client secret was made`,
      `必须是创建客户端密钥时的“${model}”`,
    );
  }
  return { model, prelude: Buffer.from(JSON.stringify({ type: "session.update", session: settings })) };
}

interface Asked {
  readonly caller: Caller;
  readonly model: string;
  readonly signal: AbortSignal;
}

/** Opens the session at the first target that takes it: each has money of its own first. Throws what the first of them said. */
async function openAtFirst(deps: AiGatewayDeps, exchange: Exchange, { caller, model, signal }: Asked): Promise<Opened> {
  const { req, requestId } = exchange;
  const tags = readTags(req);
  // What they would look at goes by in sounds and in pieces.
  requireUnguarded(deps, caller, { model, tags });
  const { targets } = await findSpeakers(deps, caller, { model, tags });
  const first = deps.failOver.first(targets);
  if (targets.length > 1) deps.failOver.noteCall();
  const tried: Target[] = [];
  let told: { readonly err: unknown } | undefined;
  for (let target: Target | undefined = first; target; ) {
    tried.push(target);
    const counter = await counterFor(target.provider);
    const meter = createSessionMeter(deps, { target, caller, tags, requestId, counter });
    try {
      deps.policies.policyOf(target.provider).breaker()?.throwIfOpen();
      await meter.begin();
      const upstream = await connectUpstream(deps, target, { beta: readBeta(exchange), signal });
      deps.failOver.noteAnswer(target);
      if (tried.length > 1) deps.failOver.giveBack();
      return { target, meter, upstream, attempt: tried.length };
    } catch (err) {
      await meter.end("canceled");
      if (signal.aborted) throw err;
      told ??= { err };
      const isPassed = [billingFailures.price_missing, aiGatewayFailures.model_limited].some((type) =>
        isFailure(err, type),
      );
      target = isPassed
        ? deps.failOver.skip(tried, targets)
        : deps.failOver.next(err, { tried, targets, attempts: tried.length });
    }
  }
  throw told?.err;
}

/** The one thing that a query says, where it says it. Throws `invalid_request` for what else it holds. */
function readModel(url: string): string | undefined {
  const query = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?") + 1) : "");
  for (const name of query.keys()) {
    if (name === "model") continue;
    throw refuseField(name.slice(0, 64), "is not known here; only model is", "不是此处可用的参数；只有 model");
  }
  const [model, ...others] = query.getAll("model");
  if (model === undefined || (model !== "" && model.length <= 200 && others.length === 0)) return model;
  throw refuseField(
    "model",
    "must be the name of a model; GET /v1/models lists them",
    "必须是模型名称，见 GET /v1/models",
  );
}

/** The form of the dialect before today's, where the client asks for it: by header, or a browser by subprotocol. */
function readBeta({ req }: Pick<Exchange, "req">): string | undefined {
  const said = req.headers["openai-beta"];
  if (typeof said === "string" && betaHeader.test(said)) return said;
  const offered = protocolsOf(req).map((one) => betaProtocol.exec(one)?.[1]);
  return offered.find((one) => one !== undefined)?.replace("-", "=");
}
