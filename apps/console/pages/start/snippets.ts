/** The same call three ways, ready to run where the key is known. */
export function toSnippets(secret: string | undefined, model: string, question: string) {
  const base = `${location.origin}/v1`;
  const key = secret ?? "$LYSS_API_KEY";
  const body = JSON.stringify({ model, messages: [{ role: "user", content: question }] });
  return [
    {
      name: "curl",
      code: `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '${body}'`,
    },
    {
      name: "Python",
      code: `# pip install openai
from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${secret ?? "lyss_…"}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "${question}"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      name: "Node",
      code: `// npm install openai; node call.mjs
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}", apiKey: "${secret ?? "lyss_…"}" });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "${question}" }],
});
console.log(answer.choices[0].message.content);`,
    },
  ];
}
