/** Other ways to write a request for the same thing, by which a guard and a router have disagreed elsewhere. */
export interface Disguise {
  readonly name: string;
  readonly target: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ways to write a path. */
export function disguisePath(path: string): readonly Disguise[] {
  const cut = path.lastIndexOf("/");
  const [head, last] = [path.slice(0, cut), path.slice(cut + 1)];
  const second = path.indexOf("/", 1) < 0 ? path.length : path.indexOf("/", 1);
  const encodeFirst = (text: string) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`;
  const targets: Readonly<Record<string, string>> = {
    "trailing slash": `${path}/`,
    "two trailing slashes": `${path}//`,
    "leading double slash": `/${path}`,
    "inner double slash": `${head}//${last}`,
    "upper case": path.toUpperCase(),
    "one letter in upper case": `${head}/${last.charAt(0).toUpperCase()}${last.slice(1)}`,
    "dot segment": `${head}/./${last}`,
    "dots out of a public path": `/openapi.json/..${path}`,
    "dots out of the probe": `/livez/../${path.slice(1)}`,
    "dots behind": `${path}/x/..`,
    "encoded dot": `${head}/%2e/${last}`,
    "encoded dots out of a public path": `/openapi.json/%2e%2e${path}`,
    "encoded slash": `${head}%2f${last}`,
    "encoded slash behind": `${path}%2f`,
    "encoded slash before": `/%2f${path.slice(1)}`,
    "twice encoded slash": `${head}%252f${last}`,
    "overlong slash": `${head}%c0%af${last}`,
    backslash: `${head}\\${last}`,
    "encoded backslash": `${head}%5c${last}`,
    "encoded letter": `${head}/${encodeFirst(last)}`,
    "encoded first letter": `/${encodeFirst(path.slice(1))}`,
    "matrix parameter": `${path};x=1`,
    "matrix parameter inside": `${path.slice(0, second)};x=1${path.slice(second)}`,
    "NUL behind": `${path}%00`,
    "blank behind": `${path}%20`,
    "line break behind": `${path}%0a`,
    suffix: `${path}.json`,
    "question mark": `${path}?`,
    "a public path as query": `${path}?x=/openapi.json`,
    "method in the query": `${path}?_method=GET`,
    "absolute form": `http://localhost${path}`,
    "absolute form of elsewhere": `http://evil.example${path}`,
    "absolute form without a path's start": `http://localhost@evil.example${path}`,
    "authority form": `localhost:80${path}`,
  };
  return Object.entries(targets).map(([name, target]) => ({ name, target }));
}

/** Methods other than the route's own, and names of other places in headers that proxies and frameworks believe. */
export function disguiseHead(path: string, method: string): readonly Disguise[] {
  const other = method === "GET" ? "POST" : "GET";
  const methods = ["HEAD", "OPTIONS", "TRACE", "PROPFIND", "ACL"].map((name) => ({ name, target: path, method: name }));
  const headers: readonly Readonly<Record<string, string>>[] = [
    ...["x-http-method-override", "x-http-method", "x-method-override"].map((name) => ({ [name]: other })),
    ...["x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri"].map((name) => ({
      [name]: "/openapi.json",
    })),
    { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", forwarded: "for=127.0.0.1" },
    { "x-forwarded-prefix": "/api", "x-forwarded-host": "localhost", "x-forwarded-proto": "https" },
    { "x-user-id": "usr_1", "x-forwarded-user": "admin", "x-tenant-id": "tnt_1", "x-role": "operator" },
    // What services tell each other of a caller, and by which a peer shows who it is.
    { "lyss-caller": peerCaller, "lyss-service": "api-gateway", "lyss-locale": "zh_CN" },
    { authorization: "Bearer", "x-api-key": "" },
    { authorization: "Bearer undefined" },
    { authorization: "Bearer null", "x-api-key": "null" },
    { cookie: "session=operator; access_token=x" },
    // Held back by the lane: the same request on the ordinary way.
    { "idempotency-key": "walk" },
    { connection: "authorization, close" },
  ];
  const hosts = ["localhost", "evil.example", "127.0.0.1:1@evil.example", "a/v1", "a?b", "a#b", ""];
  return [
    ...methods,
    ...headers.map((extra) => ({ name: Object.keys(extra).join(" and "), target: path, headers: extra })),
    ...hosts.map((host) => ({ name: `host ${host}`, target: path, headers: { host } })),
  ];
}

const peerCaller = Buffer.from(
  JSON.stringify({ userId: "usr_1", tenantId: "tnt_1", keyId: "", permissions: ["*", "platform:*"], models: [] }),
).toString("base64url");
