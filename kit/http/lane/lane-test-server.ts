import { connect } from "node:net";
import { isFailure } from "../../errors/failure.ts";
import { systemClock } from "../../service/clock.ts";
import { sendReply } from "../failure-reply.ts";
import { createHttpServer, type HttpServerOptions } from "../http-server.ts";
import { readBody } from "../read-body.ts";
import { checkRequestHead, headerOf, pathOf } from "../request-head.ts";
import { createLane, type LaneOptions } from "./lane.ts";
import { toHeaderText } from "./reply.ts";

export const hotTargets = ["POST /v1/chat/completions", "POST /v1/embeddings", "GET /v1/models"];
export const wanted = ["authorization", "x-api-key", "accept-language", "traceparent"];

const headers = { "content-type": "application/json" };
const headerText = toHeaderText(headers);

/** What both ways answer: what they took the request for. */
function describe(target: string, body: Buffer, read: (name: string, index: number) => string | undefined): Buffer {
  return Buffer.from(JSON.stringify({ target, body: body.toString("latin1"), headers: wanted.map(read) }));
}

/** A server that answers with what it read, the checks of every listener of ours before it. */
export function createOrdinaryServer(limits: Partial<HttpServerOptions> = {}) {
  return createHttpServer({
    clock: systemClock,
    ...limits,
    async onRequest(req, res) {
      try {
        checkRequestHead(req);
        const target = `${req.method} ${pathOf(req)}`;
        const isKnown = hotTargets.includes(target);
        const body = isKnown ? await readBody(req, 1_000_000) : Buffer.alloc(0);
        sendReply(req, res, {
          ...{ status: isKnown ? 200 : 404, headers },
          body: describe(target, body, (name) => headerOf(req, name)),
        });
      } catch (err) {
        const status = isFailure(err) ? err.type.httpStatus : 500;
        sendReply(req, res, { status, headers, body: String(err) });
      }
    },
  });
}

/** The same with a lane before it, which answers hot requests unless told otherwise. */
export function createLaneServer(options: Partial<LaneOptions> = {}, limits: Partial<HttpServerOptions> = {}) {
  return createLane({
    ...{ server: createOrdinaryServer(limits), clock: systemClock, targets: hotTargets },
    ...{ wantedHeaders: wanted, heldBackHeaders: ["idempotency-key"] },
    onRequest: (request, reply) => {
      const { target, body } = request;
      reply.whole(
        200,
        headerText,
        describe(target, body, (_name, index) => request.header(index)),
      );
    },
    ...options,
  });
}

export const loopback = { host: "127.0.0.1", port: 0 };

/** An answer as it stands on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client that speaks bytes. */
export function openRawClient(port: number) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  let text = "";
  /** No answer is whole before this much has come: a long text is not searched for each packet of it. */
  let neededLength = 0;
  let isOver = false;
  let wake = () => {};
  const notify = () => wake();
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    notify();
  });
  socket.on("error", () => {});
  socket.once("end", () => {
    isOver = true;
    notify();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isOver = true;
      notify();
      resolve();
    });
  });

  /** The next whole answer; undefined when the server has ended without one. */
  async function answer(): Promise<RawAnswer | undefined> {
    for (;;) {
      const found = text.length < neededLength ? neededLength : splitAnswer(text);
      if (typeof found === "number") {
        neededLength = found;
      } else {
        neededLength = 0;
        text = found.rest;
        return found.answer;
      }
      if (isOver) return undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    socket,
    send: (bytes: string) => new Promise<void>((resolve) => socket.write(bytes, "latin1", () => resolve())),
    answer,
    /** Every answer until the server ends the connection; then ends it too. */
    async allAnswers(): Promise<readonly RawAnswer[]> {
      const answers: RawAnswer[] = [];
      for (let next = await answer(); next; next = await answer()) answers.push(next);
      if (text !== "") answers.push({ status: 0, headers: {}, body: text });
      socket.destroy();
      await closed;
      return answers;
    },
    unread: () => text,
    closed,
  };
}

export type RawClient = ReturnType<typeof openRawClient>;

/** The first answer and what follows it, or the length that is needed at least. */
function splitAnswer(text: string): { readonly answer: RawAnswer; readonly rest: string } | number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return text.length + 1;
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const after = text.slice(headEnd + 4);
  if (headers["transfer-encoding"] === "chunked") {
    const body = splitChunks(after);
    return body ? { answer: { status, headers, body: body.text }, rest: body.rest } : text.length + 1;
  }
  const length = Number(headers["content-length"] ?? 0);
  if (after.length < length) return headEnd + 4 + length;
  return { answer: { status, headers, body: after.slice(0, length) }, rest: after.slice(length) };
}

function splitChunks(framed: string): { readonly text: string; readonly rest: string } | undefined {
  let text = "";
  let at = 0;
  for (;;) {
    const lineEnd = framed.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(framed.slice(at, lineEnd), 16);
    const dataEnd = lineEnd + 2 + size;
    if (framed.length < dataEnd + 2) return undefined;
    if (framed.slice(dataEnd, dataEnd + 2) !== "\r\n")
      throw new Error(`chunk without its end: ${framed.slice(at, at + 80)}`);
    if (size === 0) return { text, rest: framed.slice(dataEnd + 2) };
    text += framed.slice(lineEnd + 2, dataEnd);
    at = dataEnd + 2;
  }
}
