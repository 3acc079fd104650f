import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnswerReader, maxInterimAnswers } from "./answer-reader.ts";
import { maxExtensionBytes, maxTrailerBytes } from "./response-body.ts";
import { maxFields, maxHeadBytes, type ResponseHead } from "./response-head.ts";
import { MalformedAnswer } from "./upstream-error.ts";

interface Read {
  readonly head: ResponseHead | undefined;
  readonly body: string;
  readonly isDone: boolean;
  /** What came behind the answer. */
  readonly rest: string;
}

/** Reads an answer that comes in these pieces, each of them in the same buffer. */
function read(pieces: readonly string[], isHeadRequest = false): Read {
  const reader = createAnswerReader();
  const shared = Buffer.alloc(65_536, "?");
  let head: ResponseHead | undefined;
  let body = "";
  let rest = "";
  reader.begin(
    {
      onHead(given) {
        assert.equal(head, undefined, "one answer has one head");
        head = given;
      },
      onData(bytes) {
        assert.ok(bytes.length > 0);
        body += bytes.toString("latin1");
      },
    },
    isHeadRequest,
  );
  for (const piece of pieces) {
    const size = shared.write(piece, 0, "latin1");
    rest += piece.slice(reader.take(shared, size));
    shared.fill("?", 0, size);
  }
  return { head, body, isDone: reader.isDone(), rest };
}

const answers: readonly (readonly [name: string, text: string, body: string])[] = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
  ["no body", "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", ""],
  ["a length with zeros before it", "HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nhi", "hi"],
  ["204", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", ""],
  ["304", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", ""],
  [
    "chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\tChunked \r\n\r\n5\r\nhello\r\n00A\r\n, a world!\r\n0\r\n\r\n",
    "hello, a world!",
  ],
  ["extensions", 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c="d"\r\nhi\r\n0;last\r\n\r\n', "hi"],
  ["trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-A: b\r\nX-C:\r\n\r\n", "hi"],
  [
    "interim answers",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "hi",
  ],
  ["HTTP/1.0", "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "no"],
];

test("an answer is read the same however its bytes are split", () => {
  for (const [name, text, body] of answers) {
    assert.deepEqual(without(read([text])), { body, isDone: true, rest: "" }, name);
    assert.deepEqual(without(read([...text])), { body, isDone: true, rest: "" }, `${name}, byte by byte`);
    for (let at = 1; at < text.length; at++) {
      const pieces = [text.slice(0, at), text.slice(at)];
      assert.deepEqual(without(read(pieces)), { body, isDone: true, rest: "" }, `${name}, split at ${at}`);
    }
  }
});

function without({ body, isDone, rest }: Read): Omit<Read, "head"> {
  return { body, isDone, rest };
}

test("what comes behind an answer is told from it, wherever it is cut", () => {
  for (const [name, text] of answers) {
    for (let at = 0; at <= text.length; at++) {
      const pieces = [text.slice(0, at), `${text.slice(at)}HTTP/1.1 200 OK\r\n`].filter((piece) => piece !== "");
      assert.equal(read(pieces).rest, "HTTP/1.1 200 OK\r\n", `${name}, split at ${at}`);
    }
  }
});

test("without a length the body ends with the connection; an answer to HEAD has none", () => {
  const { head, body, isDone } = read(["HTTP/1.1 200 OK\r\n\r\nabc", "def"]);
  assert.deepEqual([head?.framing, head?.isKept, body, isDone], ["until_close", false, "abcdef", false]);
  const answer = read(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"], true);
  assert.deepEqual([answer.head?.framing, answer.isDone], ["none", true]);
});

test("fields are found whatever their case, joined when repeated, without spaces around them", () => {
  const fields =
    "Content-Type: \t text/plain \t\r\nX-A: a\r\nx-a:b\r\nX-Empty:\r\nX-Late: content-type: no\r\nContent-Length: 0";
  const { head } = read([`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`]);
  const values = ["content-type", "x-a", "x-empty", "content-typ", "late", "x"].map((name) => head?.find(name));
  assert.deepEqual(values, ["text/plain", "a, b", "", undefined, undefined, undefined]);
});

test("a connection is kept unless the answer says that it closes", () => {
  const kept = (start: string, fields = "") =>
    read([`${start} 200 OK\r\nContent-Length: 0\r\n${fields}\r\n`]).head?.isKept;
  assert.equal(kept("HTTP/1.1"), true);
  assert.equal(kept("HTTP/1.1", "Connection: keep-alive\r\n"), true);
  assert.equal(kept("HTTP/1.1", "Connection: Keep-Alive, CLOSE\r\n"), false);
  assert.equal(kept("HTTP/1.1", "Connection: x\r\nConnection: close\r\nConnection: y\r\n"), false);
  assert.equal(kept("HTTP/1.0", "Connection: keep-alive\r\n"), false);
  const hint = (value: string) => read([`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n\r\n`]).head?.keepAliveMs;
  assert.deepEqual(["timeout=5", "max=3, timeout=75", "timeout=x", "xtimeout=5", ""].map(hint), [
    ...[5_000, 75_000],
    ...[undefined, undefined, undefined],
  ]);
});

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const refused: readonly (readonly [attack: string, text: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH"],
  ["HTTP/2", "HTTP/2 200\r\n\r\n"],
  ["HTTP/0.9", "<html>"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["lower case", "http/1.1 200 OK\r\n\r\n"],
  ["an empty line before it", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a short status", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a long status", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status out of range", "HTTP/1.1 099 OK\r\n\r\n"],
  ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a control character in the reason", "HTTP/1.1 200 O\u0000K\r\n\r\n"],
  ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
  ["one bare LF", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 5\r\n\r\n"],
  ["bare CR", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 5\r\n\r\n"],
  ["NUL in a value", "HTTP/1.1 200 OK\r\nX: a\u0000b\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  ["a folded first line", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n"],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n"],
  ["no colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n"],
  ["no name", "HTTP/1.1 200 OK\r\n: 5\r\n\r\n"],
  ["a name that is no token", "HTTP/1.1 200 OK\r\nContent(Length: 5\r\n\r\n"],
  ["a name beyond ASCII", "HTTP/1.1 200 OK\r\nContent-L\u00e9ngth: 5\r\n\r\n"],
  ["the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"],
  ...["", "+5", "-5", "0x5", "5 5", "5,5", "5, 5", "5.0", "1e3", "9".repeat(16), "\u0665", "5\t"].map(
    (length) => [`the length ${length}`, `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`] as const,
  ),
  ["a length beside chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["chunks beside a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["chunks twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ...[
    "",
    "gzip, chunked",
    "chunked, identity",
    "chunked,",
    "xchunked",
    "identity",
    "chunked;q=1",
    '"chunked"',
    "chunked\t",
  ].map((coding) => [`the coding ${coding}`, `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n`] as const),
  ...[
    "\r\n",
    " 5\r\n",
    "5 \r\n",
    "0x5\r\n",
    "+5\r\n",
    "-5\r\n",
    "5\n",
    "5\r5\r\n",
    "g\r\n",
    `${"0".repeat(12)}5\r\n`,
  ].map((line) => [`the chunk ${JSON.stringify(line)}`, `${chunked}${line}hello\r\n0\r\n\r\n`] as const),
  ["a chunk longer than it says", `${chunked}5\r\nhello!\r\n0\r\n\r\n`],
  ["a chunk shorter than it says", `${chunked}6\r\nhello\r\n0\r\n\r\n`],
  ["a chunk's end without CR", `${chunked}5\r\nhello\n0\r\n\r\n`],
  ["a bare CR in an extension", `${chunked}5;a\rb\r\nhello\r\n`],
  ["a bare LF in an extension", `${chunked}5;a\nhello\r\n`],
  ["an endless extension", `${chunked}5;${"a".repeat(maxExtensionBytes + 1)}`],
  ["a folded trailer", `${chunked}0\r\nX: a\r\n b\r\n\r\n`],
  ["a length in the trailers", `${chunked}0\r\nContent-Length: 5\r\n\r\n`],
  ["an encoding in the trailers", `${chunked}0\r\nX: a\r\ntransfer-encoding: chunked\r\n\r\n`],
  ["a trailer without a name", `${chunked}0\r\n: a\r\n\r\n`],
  ["a trailer without a colon", `${chunked}0\r\nX\r\n\r\n`],
  ["a bare LF in the trailers", `${chunked}0\r\nX: a\n\r\n`],
  ["a bare CR at the end of the trailers", `${chunked}0\r\n\rX`],
  ["endless trailers", `${chunked}0\r\n${"X: a\r\n".repeat(maxTrailerBytes / 6 + 1)}`],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(maxHeadBytes)}`],
  ["a large head", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(maxHeadBytes)}\r\n\r\n`],
  ["many fields", `HTTP/1.1 200 OK\r\n${"X: a\r\n".repeat(maxFields + 1)}\r\n`],
  ["an interim answer that closes", "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["an interim answer of HTTP/1.0", "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(maxInterimAnswers + 1)],
];

test("what two readers could understand differently is refused, whole and byte by byte", () => {
  for (const [attack, text] of refused) {
    assert.throws(() => read([text]), MalformedAnswer, attack);
    if (text.length < 10_000) assert.throws(() => read([...text]), MalformedAnswer, `${attack}, byte by byte`);
  }
});

test("heads up to the limits are read, and what is no head is refused before it is whole", () => {
  const fields = "X: a\r\n".repeat(maxFields - 1);
  const start = `HTTP/1.1 200 OK\r\n${fields}Y: `;
  const head = `${start}${"b".repeat(maxHeadBytes - start.length - 4)}\r\n\r\n`;
  assert.equal(head.length, maxHeadBytes);
  assert.equal(read([head.slice(0, 30_000), head.slice(30_000)]).head?.status, 200);
  assert.throws(() => read(["HTTP/1.1 200 OK\nContent-"]), MalformedAnswer);
  assert.throws(() => read(["220 mail.example ESMTP"]), MalformedAnswer);
});

test("an answer that is given up within its events is heard of no more", () => {
  for (const when of ["head", "data"]) {
    const reader = createAnswerReader();
    let heard = "";
    const drop = (what: string) => {
      heard += `${what} `;
      if (what === when) reader.drop();
    };
    reader.begin({ onHead: () => drop("head"), onData: () => drop("data") }, false);
    const bytes = Buffer.from(`${chunked}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`);
    reader.take(bytes, bytes.length);
    assert.equal(heard, when === "head" ? "head " : "head data ");
  }
});
