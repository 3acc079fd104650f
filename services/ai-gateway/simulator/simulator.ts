import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hasBody } from "@lyss/kit/http/read-body.ts";
import { isWebSocketRequest } from "@lyss/kit/http/upgrade.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { authenticate, authenticateSigned, isSigned } from "./authenticate.ts";
import { createSimulatedBatches } from "./batches.ts";
import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import type { Desk } from "./desk.ts";
import type { Behaviour } from "./directives.ts";
import { createSimulatedFiles } from "./files.ts";
import { findEndpoint } from "./find-endpoint.ts";
import { createSimulatedTuning } from "./fine-tuning.ts";
import { createInlineBatches } from "./inline-batches.ts";
import { createSimulatedPredictions } from "./predictions.ts";
import { takeSessions } from "./realtime.ts";
import { seededHex } from "./seeded.ts";
import { answerByRequest } from "./serve-batches.ts";
import { type Vendor, vendorOf } from "./vendors.ts";
import { createSimulatedVideos } from "./videos.ts";
import { type ErrorObject, WireError } from "./wire-error.ts";

const bodyLimitBytes = 32 * 1024 * 1024;
const connectionsLimit = 20_000;
const callLogLimit = 100_000;
const countedBodiesLimit = 10_000;
/** Longer than the pools of common clients keep a connection, so that they, not we, close it. */
const keepAliveMs = 120_000;

export interface SimulatorOptions {
  readonly clock: Clock;
  /** An IP address to listen on, such as 127.0.0.1. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The key that clients must send. */
  readonly apiKey: string;
  /** Ids of answers depend on it and on the start time. */
  readonly seed?: string;
  /** Directives for every request that does not say otherwise, such as `{"simulate.error": "503"}`. */
  readonly directives?: Readonly<Record<string, string>>;
  /** Where predictions in Replicate's form stream: a host before this one; itself unless given. */
  readonly streamOrigin?: string;
}

/** What the simulated vendor would bill, and how the call ended. */
export interface SimulatedCall {
  readonly path: string;
  /** Empty when the request was refused before it named one that exists. */
  readonly model: string;
  readonly isStream: boolean;
  readonly status: number;
  readonly outcome: "complete" | "cut" | "client_gone";
  readonly promptTokens: number;
  /** Tokens handed to the client's socket, those of reasoning left out. */
  readonly completionTokens: number;
}

export interface Simulator {
  /** Such as `http://127.0.0.1:41234`; the base URL for OpenAI clients is this and `/v1`. */
  readonly url: string;
  /** Ended calls, the oldest first; at most the last 100,000. */
  readonly callLog: readonly SimulatedCall[];
  /** Calls that have not ended. */
  readonly openCalls: number;
  /** Cuts what is under way; resolves when the port is free. Safe to repeat. */
  stop(): Promise<void>;
}

interface State {
  readonly options: SimulatorOptions;
  readonly callLog: SimulatedCall[];
  /** What cuts each call that has not ended. */
  readonly underWay: Set<() => void>;
  /** How often each body came that asked for a limited number of faults. */
  readonly attempts: Map<string, number>;
  readonly idSeed: string;
  readonly desk: Desk;
  requests: number;
}

/**
 * Starts the simulated provider: an OpenAI-compatible vendor on its own port. Resolves when it accepts connections;
 * rejects when the address cannot be had. The models are in `catalogue.ts`, the directives in the README.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  let url = "";
  const files = createSimulatedFiles();
  const answer = answerByRequest(() => url, options.apiKey);
  const batches = createSimulatedBatches(files, answer);
  const state: State = {
    options,
    desk: {
      ...{ files, batches, inline: createInlineBatches(answer) },
      ...{ videos: createSimulatedVideos(), tuning: createSimulatedTuning(files) },
      predictions: createSimulatedPredictions({ api: () => url, streams: () => options.streamOrigin ?? url }),
    },
    callLog: [],
    underWay: new Set(),
    attempts: new Map(),
    idSeed: `${options.seed ?? ""}\n${options.clock.nowMs()}`,
    requests: 0,
  };
  const server = createServer(
    { keepAliveTimeout: keepAliveMs, noDelay: true, shouldUpgradeCallback: isWebSocketRequest },
    (req, res) => void serve(state, req, res),
  );
  takeSessions(server, { ...options, underWay: state.underWay, nextId: () => nextId(state) });
  server.maxConnections = connectionsLimit;
  server.listen(options.port, options.host);
  await once(server, "listening");
  const { address, port, family } = server.address() as AddressInfo;
  url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  return {
    url,
    callLog: state.callLog,
    get openCalls() {
      return state.underWay.size;
    },
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const cut of state.underWay) cut();
      server.closeAllConnections();
      await closed;
    },
  };
}

function nextId(state: State): string {
  return seededHex(`${state.idSeed}\n${++state.requests}`, 24);
}

async function serve(state: State, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const facts = { model: "", isStream: false, promptTokens: 0, completionTokens: 0, isCut: false };
  const controller = new AbortController();
  const [asked = "", query = ""] = (req.url ?? "").split("?", 2);
  // Groq, and Azure in its first version, have OpenAI's paths one folder down.
  const path = asked.replace(/^\/openai\/v1\//, "/v1/");
  const vendor = vendorOf(path, req.headers);
  const id = nextId(state);
  const cut = () => {
    facts.isCut = true;
    controller.abort();
    res.destroy();
  };
  state.underWay.add(cut);
  res.once("close", () => {
    state.underWay.delete(cut);
    controller.abort();
    const { isCut, ...rest } = facts;
    const outcome = res.writableFinished ? "complete" : isCut ? "cut" : "client_gone";
    if (state.callLog.length === callLogLimit) state.callLog.shift();
    state.callLog.push({ path, status: res.headersSent ? res.statusCode : 0, outcome, ...rest });
  });
  const open = (behaviour: Behaviour) => ({
    res,
    behaviour,
    clock: state.options.clock,
    signal: controller.signal,
    onTokens: (count: number) => {
      facts.completionTokens += count;
    },
    cut,
  });
  try {
    for (const [name, value] of Object.entries(vendor.headersFor(id))) res.setHeader(name, value);
    const isOpen = path.startsWith("/v1/streams/");
    if (!isSigned(req.headers) && !isOpen) authenticate(state.options.apiKey, vendor, req.headers);
    const serveCall = findEndpoint(req.method ?? "", path, query, req.headers);
    const body = await readBody(req);
    if (isSigned(req.headers)) authenticateSigned(state.options, req, body);
    const call: Call = {
      body,
      contentType: req.headers["content-type"] ?? "",
      stamp: { id, created: Math.floor(state.options.clock.nowMs() / 1000) },
      clock: state.options.clock,
      desk: state.desk,
      directives: state.options.directives ?? {},
      settle: (behaviour) => limitFaults(state.attempts, body, behaviour),
      open,
      toError: (status, error) => sayError(vendor, res, status, error),
      note: (noted) => void Object.assign(facts, noted),
    };
    await serveCall(call);
  } catch (err) {
    await endWithError(open({}), vendor, err);
  }
}

async function endWithError(outlet: ReturnType<Call["open"]>, vendor: Vendor, err: unknown): Promise<void> {
  if (outlet.signal.aborted) return;
  if (outlet.res.headersSent) return outlet.cut();
  const message = "The server had an error while processing your request.";
  const known = err instanceof WireError ? err : new WireError(500, message, { type: "server_error" });
  if (known.status === 413) outlet.res.setHeader("connection", "close");
  await sendJson(outlet, known.status, sayError(vendor, outlet.res, known.status, known.error)).catch(() => undefined);
}

/** The body of an error; what the vendor's head says of it is set. */
function sayError(vendor: Vendor, res: ServerResponse, status: number, error: ErrorObject): object {
  for (const [name, value] of Object.entries(vendor.errorHeadersFor?.(status) ?? {})) res.setHeader(name, value);
  return vendor.toError(status, error);
}

/** A batch is cancelled by a request without a body. */
function isBare(req: IncomingMessage): boolean {
  const path =
    /^\/v1\/((messages\/)?batches\/[^/]+\/cancel|predictions\/[^/]+\/cancel|batch\/jobs\/[^/]+\/cancel|fine_tuning\/jobs\/[^/]+\/(cancel|pause|resume))$|^\/v1beta\/batches\/[^/]+:cancel$/;
  return !hasBody(req) && path.test(req.url ?? "");
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  if (req.method === "GET" || req.method === "DELETE" || isBare(req)) return Buffer.alloc(0);
  const { "content-type": type = "", "content-encoding": encoding = "identity" } = req.headers;
  // Deepgram is sent sounds as they are.
  const isSound = /^\/v1\/listen\b/.test(req.url ?? "") && /^(audio\/|application\/octet-stream\b)/i.test(type);
  if (!isSound && !/^(application\/json|multipart\/form-data)\b/i.test(type)) {
    throw new WireError(415, "Send the body as application/json or multipart/form-data.");
  }
  if (encoding !== "identity") throw new WireError(415, "Compressed bodies are not supported.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Without this, leaving the loop would destroy the socket over which the refusal has to go.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyLimitBytes) throw new WireError(413, `The body is larger than ${bodyLimitBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** With `times`, faults strike only the first attempts of a request; the sameness of its bytes makes it the same. */
function limitFaults(attempts: Map<string, number>, body: Buffer, behaviour: Behaviour): Behaviour {
  if (behaviour.times === undefined) return behaviour;
  const key = hash("sha256", body, "hex");
  const attempt = (attempts.get(key) ?? 0) + 1;
  const [oldest] = attempts.keys();
  if (attempts.size === countedBodiesLimit && oldest !== undefined) attempts.delete(oldest);
  attempts.set(key, attempt);
  if (attempt <= behaviour.times) return behaviour;
  const { tokens, cached_tokens, reasoning_tokens } = behaviour;
  return { tokens, cached_tokens, reasoning_tokens };
}
