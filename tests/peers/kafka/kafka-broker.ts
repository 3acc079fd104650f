import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";

/** A Kafka broker of our own, one node that is its own controller, on free loopback ports and in a folder of its own. */
export interface KafkaBroker {
  readonly address: string;
  /** Starts it again unless it runs, with what is on disk. Resolves when it takes connections. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Everything that it has stored is lost. While it does not run. */
  wipe(): Promise<void>;
}

/** Little memory and a quick start matter more here than speed. */
const javaArgs = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", `${findJars()}/*`];

const startLimitMs = 60_000;

/** Starts a broker that ends with the tests. Rejects when it ends before it is ready. */
export async function startKafka(t: { after(work: () => Promise<void>): void }): Promise<KafkaBroker> {
  const dir = mkdtempSync(join(tmpdir(), "lyss-kafka-"));
  const [port, controllerPort] = await findFreePorts(2);
  const config = join(dir, "server.properties");
  const logs = join(dir, "logs");
  writeFileSync(config, toProperties(port ?? 0, controllerPort ?? 0, logs));
  let child: ChildProcess | undefined;

  async function wipe(): Promise<void> {
    rmSync(logs, { recursive: true, force: true });
    const id = randomBytes(16).toString("base64url");
    const args = [...javaArgs, "kafka.tools.StorageTool", "format", "-t", id, "-c", config];
    await promisify(execFile)("java", args, { timeout: startLimitMs, killSignal: "SIGKILL" });
  }

  async function start(): Promise<void> {
    if (child?.exitCode === null && child.signalCode === null) return;
    const started = spawn("java", [...javaArgs, "kafka.Kafka", config], { stdio: ["ignore", "pipe", "ignore"] });
    child = started;
    let said = "";
    started.stdout.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    const limitMs = performance.now() + startLimitMs;
    while (!(await isListening(port ?? 0))) {
      const hasEnded = started.exitCode !== null || started.signalCode !== null;
      if (!hasEnded && performance.now() < limitMs) continue;
      await kill();
      throw new Error(`Kafka ${hasEnded ? "ended before it was" : "is not"} ready; the last that it said:\n${said}`);
    }
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  t.after(async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  });
  await wipe();
  await start();
  return { address: `127.0.0.1:${port}`, start, kill, wipe };
}

/** Where `prepare` has put them. */
function findJars(): string {
  const pom = readFileSync(new URL("./pom.xml", import.meta.url), "utf8");
  const version = /kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1];
  const dir = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lyss", `kafka-${version}`);
  if (!existsSync(dir)) throw new Error(`Kafka's jars are not in ${dir}: run tests/peers/kafka/prepare`);
  return dir;
}

function toProperties(port: number, controllerPort: number, logs: string): string {
  return `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
log.dirs=${logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
`;
}

/** Takes a moment when nothing listens. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    await delay(systemClock, 50);
    return false;
  } finally {
    socket.destroy();
  }
}
