import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { firstRunFile } from "../first-run-file.ts";

/** An error that a person reads as it is, without a stack. */
export class CommandError extends Error {}

export interface SendOptions {
  /** The version that a change expects; any unless given. */
  readonly expectedVersion?: number | undefined;
}

/** A running platform, spoken to as any client would. */
export interface ApiClient {
  /** The answer's JSON. Throws a CommandError with the platform's own message when it refuses. */
  send(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    options?: SendOptions,
  ): Promise<Record<string, unknown>>;
  /** The file at a path, by the name that the platform gives it. Throws as `send` does. */
  download(path: string): Promise<{ readonly name: string; readonly bytes: Buffer }>;
  /** The answer's bytes as they come, for a day at most. Throws as `send` does before the first one. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
}

export interface ConnectionOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly url: string | undefined;
  readonly dataDir: string;
  readonly locale: Locale;
}

const timeoutMs = 30_000;
/** An export of years over a slow line. */
const maxStreamMs = 86_400_000;

/**
 * A client for the platform at `--url`, LYSS_URL or the data directory's first-run.json, with the key in LYSS_API_KEY or that
 * file. Throws a CommandError that says what to give when one is missing.
 */
export function createApiClient({ env, url, dataDir, locale }: ConnectionOptions): ApiClient {
  const made = readFirstRun(dataDir);
  const baseUrl = url ?? env["LYSS_URL"] ?? made?.["url"];
  const apiKey = env["LYSS_API_KEY"] ?? made?.["apiKey"];
  if (!baseUrl || !apiKey) {
    throw new CommandError(
      `There is no ${firstRunFile} in ${dataDir}. Start the platform with 'lyss up', or set LYSS_URL and LYSS_API_KEY.`,
    );
  }
  const ask = (
    method: string,
    path: string,
    body?: unknown,
    limitMs = timeoutMs,
    { expectedVersion }: SendOptions = {},
  ) =>
    request(new URL(path, baseUrl), limitMs, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        "accept-language": locale === "zh_CN" ? "zh-CN" : "en-US",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(expectedVersion !== undefined && { "if-match": `"${expectedVersion}"` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    async send(method, path, body, options) {
      const answer = await ask(method, path, body, timeoutMs, options);
      const json = await readJson(answer);
      if (answer.ok) return json;
      throw new CommandError(describeError(answer.status, json));
    },
    async download(path) {
      const answer = await ask("GET", path);
      if (!answer.ok) throw new CommandError(describeError(answer.status, await readJson(answer)));
      // The platform's word is not taken for a path of this machine.
      const name = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "download";
      return { name, bytes: Buffer.from(await answer.arrayBuffer()) };
    },
    async stream(path) {
      const answer = await ask("GET", path, undefined, maxStreamMs);
      if (answer.ok && answer.body) return answer.body;
      throw new CommandError(describeError(answer.status, await readJson(answer)));
    },
  };
}

async function request(url: URL, limitMs: number, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(limitMs) });
  } catch (cause) {
    throw new CommandError(`Nothing answers at ${url.origin}. Start the platform with 'lyss up', or give --url.`, {
      cause,
    });
  }
}

async function readJson(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json().catch(() => ({}))) as Record<string, unknown>;
}

function describeError(status: number, { error }: Record<string, unknown>): string {
  const { message, code, trace_id } = (error ?? {}) as Record<string, unknown>;
  return message ? `${message} [${code}, trace ${trace_id}]` : `The platform answered with status ${status}.`;
}

function readFirstRun(dataDir: string): Record<string, string> | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, firstRunFile), "utf8"));
  } catch {
    // Missing, or not readable by this user: the environment may still say all.
    return undefined;
  }
}
