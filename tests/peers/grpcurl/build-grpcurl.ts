import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const version = "v1.9.3";
/** A first build compiles some hundred packages. */
const buildTimeoutMs = 540_000;

/** Path of the real grpcurl, built from the Go module proxy once and kept. Rejects where there is no Go. */
export async function buildGrpcurl(): Promise<string> {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lyss", `grpcurl-${version}`);
  const program = join(folder, "grpcurl");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: "0" };
  await run("go", ["install", `github.com/fullstorydev/grpcurl/cmd/grpcurl@${version}`], {
    env,
    timeout: buildTimeoutMs,
  });
  return program;
}

if (import.meta.main) console.log(await buildGrpcurl());
