import type { Seeded } from "../../testing/seeded-random.ts";

const headers = [
  ...[
    "Content-Length: 5",
    "content-length:0",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Connection: keep-alive",
  ],
  ...["Host: other", "Host: a/b", "Expect: 100-continue", "Upgrade: h2c", "Authorization: Bearer b", "X-Api-Key: k"],
  ...["Accept-Language: zh", "X-A: b", "X-A:b ", "X-A:", " folded: a", "X-A : b", "Content-Encoding: gzip", "A\tB: c"],
];
const inserts = [
  "\r",
  "\n",
  "\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  "\x7f",
  "\x80",
  "\xff",
  "0",
  "5",
  "+",
  "-",
  "a",
  "Z",
  ";",
  "/",
  "%",
  "?",
];

/** A hot request with a few headers; unless it is a GET its body is between nothing and some hundred bytes. */
export function drawHotRequest(random: Seeded): string {
  const lines = [
    "Host: lyss",
    "authorization: Bearer a",
    "User-Agent: t/1",
    "Accept: */*",
    "CONNECTION: Keep-Alive",
    "X-A: b",
  ];
  const count = random.between(0, lines.length - 1);
  const chosen = ["Host: lyss:80", ...lines.slice(1, 1 + count)];
  if (random.between(0, 3) === 0) return `GET /v1/models HTTP/1.1\r\n${chosen.join("\r\n")}\r\n\r\n`;
  const body = "b".repeat(random.between(0, 1) * random.between(0, 200));
  const length = `${random.between(0, 1) === 0 ? "Content-Length" : "content-length"}: ${body.length}`;
  chosen.splice(random.between(0, chosen.length), 0, length);
  const path = random.between(0, 1) === 0 ? "/v1/chat/completions" : "/v1/embeddings";
  return `POST ${path} HTTP/1.1\r\n${chosen.join("\r\n")}\r\n\r\n${body}`;
}

/** The request with one to three small things changed in its head: mostly no request that anyone should serve. */
export function mutateRequest(request: string, random: Seeded): string {
  const headLength = request.indexOf("\r\n\r\n") + 4;
  let head = request.slice(0, headLength);
  for (let i = random.between(1, 3); i > 0; i--) head = mutateOnce(head, random);
  return head + request.slice(headLength);
}

function mutateOnce(head: string, random: Seeded): string {
  const at = random.between(0, head.length - 1);
  const lines = head.split("\r\n");
  const line = random.between(1, Math.max(1, lines.length - 3));
  switch (random.between(0, 7)) {
    case 0:
      return head.slice(0, at) + pick(inserts, random) + head.slice(at);
    case 1:
      return head.slice(0, at) + head.slice(at + random.between(1, 3));
    case 2:
      return head.slice(0, at) + String.fromCharCode(random.between(0, 255)) + head.slice(at + 1);
    case 3:
      return head.slice(0, at) + swapCase(head.slice(at, at + 8)) + head.slice(at + 8);
    case 4:
      return [...lines.slice(0, line), pick(headers, random), ...lines.slice(line)].join("\r\n");
    case 5:
      return [...lines.slice(0, line), lines[line] ?? "", ...lines.slice(line)].join("\r\n");
    case 6:
      return lines.filter((_, index) => index !== line).join("\r\n");
    default:
      return head.replace(/(?<=length: ?)\d+/i, (digits) =>
        String(Math.max(0, Number(digits) + random.between(-3, 3))),
      );
  }
}

function pick(values: readonly string[], random: Seeded): string {
  return values[random.between(0, values.length - 1)] ?? "";
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase()));
}
