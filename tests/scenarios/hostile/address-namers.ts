/** Everything by which somebody can name an address that the platform calls. */
export const namers: readonly (readonly [method: string, path: string, body: (given: string, n: number) => object])[] =
  [
    ["POST", "/api/v1/ai/providers", (base_url) => ({ name: "s1", base_url, models: [{ name: "m", ...free }] })],
    ["POST", "/api/v1/ai/mcp-servers", (address) => ({ name: "s1", url: address })],
    [
      ...(["POST", "/api/v1/ai/mcp-servers"] as const),
      (token_url) => ({
        name: "s1",
        url: "https://example.com/mcp",
        oauth: { client_id: "x", client_secret: "x", token_url },
      }),
    ],
    ["POST", "/api/v1/ai/agents", (address) => ({ name: "s1", url: address })],
    [...(["PUT", "/api/v1/ai/guardrails/s1"] as const), (address) => ({ kind: "webhook", url: address })],
    ["PUT", "/api/v1/ai/exports/s1", (address) => ({ target: { kind: "otlp", url: address } })],
    ["PUT", "/api/v1/ai/exports/s1", (endpoint) => ({ target: { kind: "s3", endpoint, ...bucket }, secret: "x" })],
    ["PUT", "/api/v1/webhooks/s1", (address) => ({ url: address })],
    [
      "POST",
      "/api/v1/sso/connections",
      (issuer, n) => ({ kind: "oidc", name: `s${n}`, issuer, client_id: "x", client_secret: "x" }),
    ],
    ["POST", "/api/v1/sso/connections", (metadata_url, n) => ({ kind: "saml", name: `s${n}`, metadata_url })],
    ["POST", "/api/v1/auth/clients", (jwks_uri, n) => ({ name: `s${n}`, jwks_uri, permissions: ["model:call"] })],
    [
      ...(["POST", "/v1/chat/completions"] as const),
      (address) => ({
        model: "simulated-chat",
        max_tokens: 1,
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: address } }] }],
      }),
    ],
  ];
const free = { input_usd_per_million: "0", output_usd_per_million: "0" };
const bucket = { bucket: "records", region: "us-east-1", access_key_id: "x" };
