import os from "node:os";
import path from "node:path";

/** Where `prepare` puts the Consul that it builds. */
export const consulPath = path.join(
  process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"),
  "lyss/consul-v1.14.11",
);
