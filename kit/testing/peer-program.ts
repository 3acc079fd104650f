import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { findFreePorts } from "./free-ports.ts";
import type { TestScope } from "./test-cluster.ts";

/** A program from outside that a test starts, kills and starts again. It is killed when the scope ends. */
export interface PeerProgram {
  /** Resolves when it has said that it is ready. Rejects, with what it said last, when it ends before. */
  start(): Promise<void>;
  /** kill -9; resolves when it has ended. Does nothing where none runs. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Resolves when it says a line with this text, on either stream, after this call. */
  untilSaid(text: string): Promise<void>;
  /** Sends it another signal. */
  signal(signal: NodeJS.Signals): void;
}

const saidLimit = 10;

/** Ready to start. `readyText` stands in the line, on either stream, by which it says that it serves. */
export function createPeerProgram(
  t: TestScope,
  options: {
    readonly command: string;
    readonly args: readonly string[];
    readonly readyText: string;
    /** Where it runs; this process's folder unless given. */
    readonly folder?: string;
  },
): PeerProgram {
  const { command, args, readyText, folder } = options;
  const waiting = new Map<() => void, string>();
  let child: ChildProcess | undefined;

  const untilSaid = (text: string) => new Promise<void>((resolve) => waiting.set(resolve, text));
  function hear(line: string): void {
    for (const [resolve, text] of waiting) {
      if (!line.includes(text)) continue;
      waiting.delete(resolve);
      resolve();
    }
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  t.after(kill);
  return {
    async start() {
      const started = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      const said: string[] = [];
      child = started;
      for (const input of [started.stdout, started.stderr]) {
        createInterface({ input }).on("line", (line) => {
          said.splice(0, said.length - saidLimit + 1);
          said.push(line);
          hear(line);
        });
      }
      const ended = new Promise<never>((_resolve, reject) => {
        started.on("error", reject);
        started.on("close", (code) => {
          reject(new Error(`${command} ended with ${code} before it was ready: ${said.join("\n")}`));
        });
      });
      ended.catch(() => {});
      await Promise.race([untilSaid(readyText), ended]);
    },
    kill,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    untilSaid,
    signal: (signal) => void child?.kill(signal),
  };
}

/** An empty folder that is gone when the scope ends. */
export function createPeerFolder(t: TestScope, name: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), `lyss-${name}-`));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port of loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const [port = 0] = await findFreePorts(1);
  return port;
}
