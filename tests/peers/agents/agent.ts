import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What an agent is tried with, by the letter that stands for it on the page. */
export const agentFeatures = {
  text: ["T", "a question is answered"],
  stream: ["S", "pieces of the answer are told as they come, where the agent tells them"],
  tool: ["F", "a file is read by the agent's own tool, and what it holds is answered"],
} as const satisfies Readonly<Record<string, readonly [letter: string, what: string]>>;
export type AgentFeature = keyof typeof agentFeatures;

/** Where an agent is pointed, and what it may see of the machine. */
export interface AgentPlace {
  readonly url: string;
  readonly apiKey: string;
  /** A proxy through which all that is not on this machine would have to go. */
  readonly outsideUrl: string;
}

/** What an agent is started with. */
export interface Start {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Files below its home, by their paths. */
  readonly settings: Readonly<Record<string, string>>;
}

/** An agent of the command line, as its maker publishes it. */
export interface Agent {
  /** Of npm. */
  readonly package: string;
  readonly name: string;
  /** What node runs, below node_modules. */
  readonly program: string;
  /** Prints `prompt`'s answer and nothing else on stdout; with `asEvents` lines of JSON, as it works. */
  start(place: AgentPlace, asking: Asking): Start;
  /** Pieces of the answer in its events; undefined for an agent that tells none. */
  readonly piecesOf?: (events: readonly Event[]) => readonly string[];
  /** The whole answer in its events. */
  answerIn(events: readonly Event[]): string;
}

export interface Asking {
  readonly model: string;
  readonly prompt: string;
  readonly asEvents?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: each agent has events of its own.
export type Event = any;

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** All that it printed. */
  readonly printed: string;
  readonly events: readonly Event[];
}

/** Far more than any of them takes; they themselves end before. */
const limitMs = 90_000;

/**
 * Runs an agent once, in a home and a folder of its own that holds `files`, with nothing of this process's environment but the path to
 * programs. Resolves when it has ended.
 */
export async function runAgent(
  agent: Agent,
  place: AgentPlace,
  asking: Asking,
  files: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const root = mkdtempSync(join(tmpdir(), "lyss-agent-"));
  const [home, folder] = [join(root, "home"), join(root, "project")];
  try {
    const { args, env, settings } = agent.start(place, asking);
    write(home, settings);
    write(folder, files);
    const program = fileURLToPath(new URL(`node_modules/${agent.program}`, import.meta.url));
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: {
        ...{ PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: root, NO_PROXY: "127.0.0.1" },
        ...{ HTTP_PROXY: place.outsideUrl, HTTPS_PROXY: place.outsideUrl, ...env },
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    const events = asking.asEvents ? stdout.split("\n").flatMap((line) => readEvent(line)) : [];
    return { status: child.exitCode, stdout, printed: stdout + stderr, events };
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function readEvent(line: string): Event[] {
  return line.startsWith("{") ? [JSON.parse(line)] : [];
}
