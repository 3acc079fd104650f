import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { createPeerFolder, createPeerProgram } from "@lyss/kit/testing/peer-program.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** A proxy on both sides of Lyss: what its callers send goes through it, and what Lyss sends to its provider. */
export interface Proxy {
  readonly callerPort: number;
  readonly providerPort: number;
  /** Starts it, once it is known where Lyss and its provider are. */
  start(lyssPort: number, providerPort: number): Promise<void>;
}

export interface ProxyKind {
  readonly name: string;
  prepare(t: TestScope): Promise<Proxy>;
}

interface Program {
  readonly command: string;
  readonly args: (file: string, folder: string) => readonly string[];
  readonly readyText: string;
  readonly config: (folder: string, from: readonly number[], to: readonly number[]) => string;
}

function proxyOf(name: string, { command, args, readyText, config }: Program): ProxyKind {
  return {
    name,
    async prepare(t) {
      const [callerPort = 0, ownProviderPort = 0] = await findFreePorts(2);
      const folder = createPeerFolder(t, command);
      const file = join(folder, `${command}.conf`);
      const program = createPeerProgram(t, { command, args: args(file, folder), readyText });
      return {
        callerPort,
        providerPort: ownProviderPort,
        start(lyssPort, providerPort) {
          writeFileSync(file, config(folder, [callerPort, ownProviderPort], [lyssPort, providerPort]));
          return program.start();
        },
      };
    },
  };
}

/** Connections to both sides are kept and used again: on one that was led astray, somebody else's request comes next. */
function nginx(isBuffering: boolean): ProxyKind {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return proxyOf(`nginx, ${isBuffering ? "which reads requests whole" : "which passes requests on as they come"}`, {
    command: "nginx",
    args: (file, folder) => ["-p", folder, "-c", file, "-e", "stderr"],
    readyText: "getrlimit(RLIMIT_NOFILE)",
    config: (folder, from, to) => `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 1000; }
http {
  access_log off;
  ${paths.map((path) => `${path}_temp_path ${folder}/${path};`).join(" ")}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_request_buffering ${isBuffering ? "on" : "off"};
  proxy_buffering off;
  ignore_invalid_headers off;
  underscores_in_headers on;
${to.map((port, at) => `  upstream behind${at} { server 127.0.0.1:${port}; keepalive 1; }`).join("\n")}
${from.map((port, at) => `  server { listen 127.0.0.1:${port}; location / { proxy_pass http://behind${at}; } }`).join("\n")}
}
`,
  });
}

function haproxy(isLax: boolean): ProxyKind {
  return proxyOf(`haproxy${isLax ? ", told to accept what is not valid" : ""}`, {
    command: "haproxy",
    args: (file) => ["-db", "-V", "-f", file],
    readyText: "as the polling mechanism",
    config: (_folder, from, to) => `defaults
  mode http
  timeout client 20s
  timeout server 60s
  timeout connect 10s
  http-reuse always
${isLax ? "  option accept-invalid-http-request\n  option accept-invalid-http-response\n" : ""}
${from.map((port, at) => `frontend front${at}\n  bind 127.0.0.1:${port}\n  default_backend behind${at}`).join("\n")}
${to.map((port, at) => `backend behind${at}\n  server one 127.0.0.1:${port} pool-max-conn 1`).join("\n")}
`,
  });
}

export const proxies: readonly ProxyKind[] = [nginx(true), nginx(false), haproxy(false), haproxy(true)];
