import type { Command } from "commander";
import type { CliDeps } from "./context.ts";
import type { UpFlags } from "./run-up.ts";

/** `lyss up`. */
export function addUpCommand(program: Command, deps: CliDeps): void {
  program
    .command("up")
    .description("start the platform, or the part of it that --run names")
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--run <services>", "services to host, separated by commas (LYSS_RUN); all unless given")
    .option("--gateways <count>", "processes that take calls, behind one port (LYSS_GATEWAYS); 1 unless given")
    .option("--data-dir <dir>", "data directory (LYSS_DATA_DIR)")
    .option("--host <address>", "address of the public listener (LYSS_HTTP_HOST)")
    .option("--port <port>", "port of the public listener (LYSS_HTTP_PORT)")
    .option("--rpc-host <address>", "address for peers (LYSS_RPC_HOST)")
    .option("--rpc-port <port>", "port for peers (LYSS_RPC_PORT)")
    .option("--peer <service=url...>", "where a service is that this process does not host (LYSS_PEERS_<SERVICE>)")
    .action(async (options: UpFlags) => {
      // Loaded when it is asked for: the other commands need none of the services.
      const { runUp } = await import("./run-up.ts");
      await runUp(deps, options);
    });
}
