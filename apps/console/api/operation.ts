import { language } from "../app/language.ts";
import { keepSession } from "./keep-session.ts";
import { readProblem, unreachable } from "./problem.ts";
import { proveAgain } from "./prove-again.ts";

interface Input {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** False where an answer of 401 is one of the things that may be: signing in. */
  readonly keepsSession?: boolean;
  /** Told when an answer begins. */
  readonly onHead?: (headers: Headers) => void;
}

/** An operation of the API. Throws a `Problem`, which says in the person's language what is wrong. */
export interface Operation<In, Out> {
  (input: In, options?: CallOptions): Promise<Out>;
  /** The data of each server-sent event, as it comes. */
  stream(input: In, options?: CallOptions): AsyncGenerator<string>;
  /** An answer that is a file. */
  download(input: In, options?: CallOptions): Promise<Blob>;
}

/** Binds an operation to its address. Only generated code calls it. */
export function operation<In, Out>(method: string, path: string): Operation<In, Out> {
  const send = (input: In, options: CallOptions = {}) => request(method, path, input as Input, options);
  return Object.assign(
    async (input: In, options?: CallOptions) => {
      const answer = await send(input, options);
      return (answer.status === 204 ? undefined : await answer.json()) as Out;
    },
    {
      stream: async function* (input: In, options?: CallOptions) {
        yield* readEvents(await send(input, options));
      },
      download: async (input: In, options?: CallOptions) => (await send(input, options)).blob(),
    },
  );
}

async function request(method: string, path: string, input: Input, options: CallOptions): Promise<Response> {
  const { signal, keepsSession = true } = options;
  for (let attempt = 0; ; attempt++) {
    const answer = await sendOnce(method, path, input, signal);
    if (answer.ok) {
      options.onHead?.(answer.headers);
      return answer;
    }
    const problem = await readProblem(answer);
    // Once each: what is refused again is refused.
    if (attempt === 0 && keepsSession && answer.status === 401 && (await keepSession())) continue;
    if (attempt < 2 && problem.isStepUp && (await proveAgain())) continue;
    throw problem;
  }
}

async function sendOnce(
  method: string,
  path: string,
  input: Input,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", "accept-language": language() };
  for (const [name, value] of Object.entries(input.header ?? {})) if (value !== undefined) headers[name] = value;
  if (input.body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(toAddress(path, input), {
      method,
      headers,
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
      ...(signal && { signal }),
    });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw unreachable();
  }
}

function toAddress(path: string, { path: params = {}, query = {} }: Input): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.size === 0 ? filled : `${filled}?${search}`;
}

async function* readEvents({ body }: Response): AsyncGenerator<string> {
  if (!body) return;
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    const events = (rest + text).split(/\r?\n\r?\n/);
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data !== "") yield data;
    }
  }
}
