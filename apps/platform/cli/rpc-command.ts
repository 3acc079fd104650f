import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";

const secondsPerMinute = 60;

/** `lyss rpc token`: what a person needs to call services by hand. */
export function addRpcCommands(program: Command, deps: CliDeps): void {
  const rpc = program.command("rpc").description("call services by hand over gRPC, with a tool such as grpcurl");
  rpc
    .command("token")
    .description("print a token for the peers' port that expires by itself; anyone who has it can call every service")
    .option("--ttl-minutes <minutes>", "how long it is good, 1 to 60", "10")
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--data-dir <dir>", "data directory with the root key (LYSS_DATA_DIR)")
    .action(async (options: { ttlMinutes: string; config?: string; dataDir?: string }) => {
      deps.write(`${await makeToken(deps, options)}\n`);
    });
}

async function makeToken(
  { env, locale }: CliDeps,
  options: { readonly ttlMinutes: string; readonly config?: string; readonly dataDir?: string },
): Promise<string> {
  const minutes = Number(options.ttlMinutes);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 60) {
    throw new CommandError("--ttl-minutes must be a whole number from 1 to 60.");
  }
  // Loaded when it is asked for: it reads the configuration of every service.
  const { loadPlatformConfig } = await import("../load-platform-config.ts");
  const { createKeyDerivation, derivePeerToken, loadRootKey, rootKeyFile } = await import("../root-key.ts");
  const { createOperatorToken } = await import("@lyss/kit/rpc/peer-token.ts");
  const { systemClock } = await import("@lyss/kit/service/clock.ts");
  const flags: Record<string, string> = options.dataDir === undefined ? {} : { dataDir: options.dataDir };
  const { config } = loadPlatformConfig({ file: options.config, env, flags, locale });
  const dataDir = resolve(config.dataDir);
  if (!config.rootKey && !existsSync(join(dataDir, rootKeyFile))) {
    throw new CommandError(`There is no root key in ${dataDir}: name the data directory of the running platform.`);
  }
  const token = derivePeerToken(createKeyDerivation(loadRootKey(dataDir, config.rootKey)));
  return createOperatorToken(token, minutes * secondsPerMinute * 1_000, systemClock);
}
