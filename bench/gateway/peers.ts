import { existsSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@lyss/kit/testing/peer-program.ts";
import { readFirstLine, readUsage, spawnPinned, stop } from "./processes.ts";
import { processId, type StartSystem, systemCore, untilReady } from "./systems.ts";

/** Sockets on both sides and nothing in between: less than this no gateway in Node takes. */
export const startSockets: StartSystem = async (mockPort) => {
  const child = spawnPinned(systemCore, process.execPath, [join(import.meta.dirname, "sockets.ts"), String(mockPort)]);
  const port = Number(/^listening (\d+)$/.exec(await readFirstLine(child))?.[1]);
  return {
    name: "sockets",
    port,
    headers: ["Content-Type: application/json"],
    measure: () => ({ sockets: readUsage(processId(child)) }),
    stop: () => stop(child),
  };
};

export const portkeyPackage = "@portkey-ai/gateway@1.15.2";

/** Portkey's program below the folder that PORTKEY_FOLDER names; undefined when it is not there. */
export function findPortkey(): string | undefined {
  const folder = process.env["PORTKEY_FOLDER"];
  const program = folder && join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  return program && existsSync(program) ? program : undefined;
}

/**
 * Portkey's gateway, on the same Node as Lyss, without its console, for production. 1.15.2 answers streams with 500 on Node 26: it
 * changes headers that are immutable there.
 */
export function startPortkeyAt(program: string): StartSystem {
  return async (mockPort) => {
    const port = await findFreePort();
    const child = spawnPinned(systemCore, process.execPath, [program, "--headless", `--port=${port}`], {
      env: { NODE_ENV: "production" },
      isQuiet: true,
    });
    // Nobody reads what it says, and a full pipe would stop it.
    child.stdout?.resume();
    await untilReady(child, port, "/");
    return {
      name: "portkey",
      port,
      headers: [
        "Content-Type: application/json",
        "Authorization: Bearer sk-mock",
        "x-portkey-provider: openai",
        `x-portkey-custom-host: http://127.0.0.1:${mockPort}/v1`,
      ],
      isUnaryOnly: true,
      measure: () => ({ portkey: readUsage(processId(child)) }),
      stop: () => stop(child),
    };
  };
}
