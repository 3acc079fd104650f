import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LoadResult } from "../gateway/load-result.ts";
import { compile } from "../gateway/native.ts";
import { readFirstLine, readUsage, spawnPinned, stop, type Usage } from "../gateway/processes.ts";
import { medianOf } from "../gateway/report.ts";
import { loadCore, repositoryRoot, startLyss, systemCore } from "../gateway/systems.ts";

const path = "/api/v1/auth/validate";
const connections = 64;

interface Figure {
  readonly callsPerSecond: number;
  /** Of the process that answers. */
  readonly cpuMicros: number;
  readonly p99Micros: number;
}

/** How fast a server is asked who somebody is, with an access token and with an API key. Writes `results/identity.md` unless --quick. */
export async function runIdentityBench(args: readonly string[]): Promise<void> {
  if (platform() !== "linux" || cpus().length < 2) throw new Error("this needs Linux and two cores");
  const isQuick = args.includes("--quick");
  const [rounds, seconds] = isQuick ? [1, 2] : [5, 5];
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-identity-"));
  try {
    const load = compile("load", folder);
    const found = { floor: [] as Figure[], token: [] as Figure[], key: [] as Figure[] };
    for (let round = 0; round < rounds; round++) {
      // No call comes to its provider.
      const lyss = await startLyss(9);
      try {
        const key = lyss.headers.find((header) => header.startsWith("Authorization")) ?? "";
        const token = `Authorization: Bearer ${await signIn(lyss.port, lyss.adminPassword ?? "")}`;
        const measure = () => lyss.measure()["platform"];
        for (const [name, header] of Object.entries({ token, key }) as ["token" | "key", string][]) {
          found[name].push(await measureLoad({ load, port: lyss.port, header, seconds, measure }));
          console.log(name, JSON.stringify(found[name].at(-1)));
        }
      } finally {
        await lyss.stop();
      }
      found.floor.push(await measureFloor(load, seconds));
      console.log("floor", JSON.stringify(found.floor.at(-1)));
    }
    const markdown = writeReport(["npm run bench -- identity", ...args].join(" "), rounds, found);
    if (!isQuick) writeFileSync(join(repositoryRoot, "bench/results/identity.md"), markdown);
    console.log(`\n${markdown}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function signIn(port: number, password: string): Promise<string> {
  const res = await fetch(`http://127.0.0.1:${port}/api/v1/users/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "admin@lyss.local", password }),
  });
  if (!res.ok) throw new Error(`the sign-in is answered with ${res.status}`);
  return ((await res.json()) as { access_token: string }).access_token;
}

/** As many bytes as an answer has. */
const floorBytes = 300;

async function measureFloor(load: string, seconds: number): Promise<Figure> {
  const program = join(import.meta.dirname, "bare-server.ts");
  const child = spawnPinned(systemCore, process.execPath, [program, String(floorBytes)]);
  try {
    const port = Number(/^listening (\d+)$/.exec(await readFirstLine(child))?.[1]);
    const measure = () => (child.pid === undefined ? undefined : readUsage(child.pid));
    return await measureLoad({ load, port, header: "Accept: */*", seconds, measure });
  } finally {
    await stop(child);
  }
}

interface LoadToMeasure {
  readonly load: string;
  readonly port: number;
  readonly header: string;
  readonly seconds: number;
  readonly measure: () => Usage | undefined;
}

async function measureLoad({ load, port, header, seconds, measure }: LoadToMeasure): Promise<Figure> {
  const run = async (forSeconds: number): Promise<LoadResult> => {
    const target = ["--port", String(port), "--path", path, "--header", header];
    const all = [...target, "--connections", String(connections), "--seconds", String(forSeconds)];
    const { stdout } = await promisify(execFile)("taskset", ["--cpu-list", String(loadCore), load, ...all]);
    const result: LoadResult = JSON.parse(stdout);
    if (result.errorCount > 0) throw new Error(`not every call was answered well: ${JSON.stringify(result.errors)}`);
    return result;
  };
  // Until it is compiled as well as it will be.
  await run(seconds);
  const before = measure()?.cpuSeconds ?? 0;
  const { started, perSecond, latencyUs } = await run(seconds);
  const cpuMicros = (((measure()?.cpuSeconds ?? 0) - before) * 1e6) / started;
  return { callsPerSecond: perSecond, cpuMicros, p99Micros: latencyUs.p99 };
}

function writeReport(command: string, rounds: number, found: Readonly<Record<string, readonly Figure[]>>): string {
  const names: Readonly<Record<string, string>> = {
    token: "an access token",
    key: "an API key",
    floor: "node:http that always answers the same (the floor)",
  };
  const rows = Object.entries(names).map(([name, title]) => {
    const median = (pick: (figure: Figure) => number) => medianOf((found[name] ?? []).map(pick)).toFixed(0);
    const cells = [title, median((figure) => figure.callsPerSecond), median((figure) => figure.cpuMicros)];
    return `| ${[...cells, median((figure) => figure.p99Micros)].join(" | ")} |`;
  });
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  return `# Who is that?

Written by \`${command}\` on ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC. Machine: ${machine}. node ${process.version}.
\`GET ${path}\`, ${connections} connections as fast as they are answered, medians of ${rounds}. The server has one core, the load the other. Every answer
comes from what the edge remembers; a session's or key's end drops that within a second.

| asked with | calls/s on one core | CPU µs a call | p99 µs |
| --- | ---: | ---: | ---: |
${rows.join("\n")}
`;
}
