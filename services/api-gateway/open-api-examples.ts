const ulid = "01kb0f2j5tq8w3z6v9x4y7a1bc";
const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/**
 * What fields of these names hold in the OpenAPI document's examples; `key.id` is the id of a key. A field that needs another
 * value has an example of its own: `.meta({ examples: […] })`.
 */
export const examplesByName: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.entries({
      user: "usr",
      group: "grp",
      tenant: "tnt",
      key: "key",
      session: "ses",
      credential: "crd",
      call: "call",
    })
      // `groups/{id}` and `group_id` lead to what `group.id` is called.
      .flatMap(([kind, prefix]) => [`${kind}.id`, `${kind}_id`].map((name) => [name, `${prefix}_${ulid}`])),
  ),
  id: ulid,
  ...{ created_by: `usr_${ulid}`, added_by: `usr_${ulid}`, asked_by: `usr_${ulid}`, owner_id: `usr_${ulid}` },
  ...{ name: "Ada Lovelace", "key.name": "production", "group.name": "Research", "credential.name": "openai" },
  ...{ email: "ada@example.com", username: "ada@example.com", password: "correct horse battery staple" },
  ...{ description: "Those who read papers.", note: "Agreed by e-mail.", reason: "Reported by the customer." },
  ...{ role: "member", permissions: ["model:call", "model:list"] },
  ...{ model: "gpt-5-mini", provider: "openai", base_url: "https://api.openai.com/v1", upstream_name: "gpt-5-mini" },
  ...{ allowed_ips: ["203.0.113.0/24"], allowed_origins: ["https://app.example.com"] },
  ...{ slug: "analytical-engines", locale: "en-US", time_zone: "Europe/London" },
  ...{ domain: "example.com", issuer: "https://login.example.com", redirect_uri: "https://app.example.com/callback" },
  ...{ country: "GB", phone: "+442079460958", client_id: `cli_${ulid}`, address: "203.0.113.7" },
  ...{ currency: "USD", amount: "10.00", balance: "10.00", plan: "free", tax_id: "GB123456789" },
  ...{
    prefix: "lyss_4fQ",
    secret: "lyss_4fQ2vT8mXk1ZrB6nYc9DsW3gHj5LpA0aF7C2Q",
    last_four: "x4Kp",
    code: "WELCOME-2026",
  },
  ...{ access_token: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl", refresh_token: `rt_${ulid}`, expires_in: 900 },
  ...{ digest: hash, fingerprint: hash, trace_id: "4bf92f3577b34da6a3ce929d0e0e4736", request_id: `req_${ulid}` },
  ...{ nanos: "1500000", nanos_per_million: "150000000", "list.next_cursor": "WyIyMDI2LTAxLTMxIl0" },
  ...{ input_tokens: 1_200, output_tokens: 350, max_tokens: 512, limit: 50, latency_ms: 412 },
};
