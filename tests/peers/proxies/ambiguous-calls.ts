/** A call that two servers could read differently, with another hidden where one of them ends it and the other does not. */
export interface AmbiguousCall {
  readonly name: string;
  readonly bytes: string;
  /** True for what has one meaning: somebody may serve it. All else Lyss itself answers with 400, and closes. */
  readonly isPlain?: boolean;
}

/** What a call says. */
export interface Said {
  readonly own: string;
  readonly hidden: string;
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const lastChunk = "0\r\n\r\n";

/** All of them, for a caller with that key. `next` gives what each and what is hidden in it say. */
export function listAmbiguousCalls(apiKey: string, next: () => Said): readonly (AmbiguousCall & Said)[] {
  const line = "POST /v1/chat/completions HTTP/1.1";
  const common = ["Host: lyss", `Authorization: Bearer ${apiKey}`, "Content-Type: application/json"];
  const bodyOf = (content: string) => JSON.stringify({ model: "echo", messages: [{ role: "user", content }] });
  const whole = (content: string) => {
    const body = bodyOf(content);
    return `${[line, ...common, `Content-Length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`;
  };
  const call = (headers: readonly string[], body: string, firstLine = line) =>
    `${[firstLine, ...common, ...headers].join("\r\n")}\r\n\r\n${body}`;
  const calls: (AmbiguousCall & Said)[] = [];
  const add = (name: string, make: (own: string, hidden: string) => string, isPlain = false) => {
    const said = next();
    calls.push({ name, ...said, isPlain, bytes: make(bodyOf(said.own), whole(said.hidden)) });
  };

  addTwoFramings(add, call);
  addLengths(add, call);
  addChunks(add, call);
  addLines(add, call, common);
  return calls;
}

type Add = (name: string, make: (own: string, hidden: string) => string, isPlain?: boolean) => void;
type Write = (headers: readonly string[], body: string, firstLine?: string) => string;

/** A length and a coding: CL.TE, TE.CL, and TE.TE, where the coding is written so that one of two does not know it. */
function addTwoFramings(add: Add, call: Write): void {
  const codings = {
    plain: "Transfer-Encoding: chunked",
    "in capitals": "TRANSFER-ENCODING: CHUNKED",
    "a space before the colon": "Transfer-Encoding : chunked",
    "a space before the name": " Transfer-Encoding: chunked",
    "a tab before the word": "Transfer-Encoding:\tchunked",
    "a vertical tab before the word": "Transfer-Encoding:\x0bchunked",
    "a NUL after the word": "Transfer-Encoding: chunked\0",
    "in quotes": 'Transfer-Encoding: "chunked"',
    "of another name": "Transfer-Encoding: xchunked",
    "with a parameter": "Transfer-Encoding: chunked;q=1",
    "with a comma": "Transfer-Encoding: chunked,",
    "twice in one field": "Transfer-Encoding: chunked, chunked",
    "before identity": "Transfer-Encoding: chunked, identity",
    "after identity": "Transfer-Encoding: identity, chunked",
    "after gzip": "Transfer-Encoding: gzip, chunked",
    "in two fields": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "in two fields, the other way": "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "folded after the colon": "Transfer-Encoding:\r\n chunked",
    "behind a bare LF": "X-A: b\nTransfer-Encoding: chunked",
    "behind a bare CR": "X-A: b\rTransfer-Encoding: chunked",
    "with an underscore": "Transfer_Encoding: chunked",
  };
  for (const [name, coding] of Object.entries(codings)) {
    const isOfAnotherName = name === "with an underscore";
    add(
      `CL.TE, ${name}`,
      (own, hidden) => {
        const body = chunk(own) + lastChunk + hidden;
        return call([`Content-Length: ${body.length}`, coding], body);
      },
      // There is one length and no coding: the body is not JSON.
      isOfAnotherName,
    );
    add(
      `TE.CL, ${name}`,
      (own, hidden) => {
        const first = chunk(`${own}${hidden}`);
        return call([coding, `Content-Length: ${first.indexOf("\n") + 1 + own.length}`], first + lastChunk);
      },
      isOfAnotherName,
    );
  }
}

function addLengths(add: Add, call: Write): void {
  const fields: Readonly<Record<string, (own: number, all: number) => readonly string[]>> = {
    "twice, the shorter first": (own, all) => [`Content-Length: ${own}`, `Content-Length: ${all}`],
    "twice, the longer first": (own, all) => [`Content-Length: ${all}`, `Content-Length: ${own}`],
    "twice, in another case": (own, all) => [`Content-Length: ${own}`, `CONTENT-LENGTH: ${all}`],
    "twice the same": (own) => [`Content-Length: ${own}`, `content-length: ${own}`],
    "a list": (own, all) => [`Content-Length: ${own}, ${all}`],
    "a list of the same": (own) => [`Content-Length: ${own}, ${own}`],
    "with a plus": (own) => [`Content-Length: +${own}`],
    "with a minus": (own) => [`Content-Length: -${own}`],
    "in hexadecimal": (own) => [`Content-Length: 0x${own.toString(16)}`],
    "with a fraction": (own) => [`Content-Length: ${own}.0`],
    "with an exponent": () => ["Content-Length: 1e2"],
    "with a letter": (own) => [`Content-Length: ${own}a`],
    "with a space within": (own) => [`Content-Length: ${`${own}`[0]} ${`${own}`.slice(1)}`],
    "of nothing": () => ["Content-Length:"],
    "larger than any number": () => ["Content-Length: 18446744073709551617"],
    "a space before the colon": (own) => [`Content-Length : ${own}`],
    "folded after the colon": (own) => [`Content-Length:\r\n ${own}`],
    "folded, two numbers": (own, all) => [`Content-Length: ${own}\r\n ${all}`],
    "behind a bare LF": (own, all) => [`X-A: b\nContent-Length: ${own}`, `Content-Length: ${all}`],
    "behind a bare CR": (own, all) => [`X-A: b\rContent-Length: ${own}`, `Content-Length: ${all}`],
  };
  for (const [name, lines] of Object.entries(fields)) {
    add(`a length ${name}`, (own, hidden) => call(lines(own.length, own.length + hidden.length), own + hidden));
  }
}

function addChunks(add: Add, call: Write): void {
  const hex = (own: string) => own.length.toString(16);
  const bodies: Readonly<Record<string, (own: string, hidden: string) => string>> = {
    "a bare LF after the size": (own, hidden) => `${hex(own)}\n${own}\r\n${lastChunk}${hidden}`,
    "a bare CR after the size": (own, hidden) => `${hex(own)}\r${own}\r\n${lastChunk}${hidden}`,
    "a bare LF after the bytes": (own, hidden) => `${hex(own)}\r\n${own}\n${lastChunk}${hidden}`,
    "no end after the bytes": (own, hidden) => `${hex(own)}\r\n${own}${lastChunk}${hidden}`,
    "0x before the size": (own, hidden) => `0x${hex(own)}\r\n${own}\r\n${lastChunk}${hidden}`,
    "a minus before the size": (own, hidden) => `-${hex(own)}\r\n${own}\r\n${lastChunk}${hidden}`,
    "a space before the size": (own, hidden) => ` ${hex(own)}\r\n${own}\r\n${lastChunk}${hidden}`,
    "a size beyond any number": (own, hidden) => `1${"0".repeat(16)}${hex(own)}\r\n${own}\r\n${lastChunk}${hidden}`,
    "an extension with a bare LF": (own, hidden) => `${hex(own)};a\nb\r\n${own}\r\n${lastChunk}${hidden}`,
    "an extension with a bare CR": (own, hidden) => `${hex(own)};a\rb\r\n${own}\r\n${lastChunk}${hidden}`,
    "a last chunk that ends with LF": (own, hidden) => `${chunk(own)}0\n\n${hidden}`,
    "a last chunk of one line": (own, hidden) => `${chunk(own)}0\r\n${hidden}`,
    "a trailer with a bare LF": (own, hidden) => `${chunk(own)}0\r\nX-A: b\n\r\n${hidden}`,
  };
  for (const [name, body] of Object.entries(bodies)) {
    add(`chunks, ${name}`, (own, hidden) => call(["Transfer-Encoding: chunked"], body(own, hidden)));
  }
  const length = "a trailer that says a length";
  add(
    `chunks, ${length}`,
    (own) => call(["Transfer-Encoding: chunked"], `${chunk(own)}0\r\nContent-Length: 99\r\n\r\n`),
    true,
  );
}

function addLines(add: Add, call: Write, common: readonly string[]): void {
  const line = "POST /v1/chat/completions HTTP/1.1";
  const coded = ["Transfer-Encoding: chunked"];
  const chunked = (own: string, hidden: string) => chunk(own) + lastChunk + hidden;
  add("chunks in HTTP/1.0", (own, hidden) =>
    call([...coded, "Connection: keep-alive"], chunked(own, hidden), "POST /v1/chat/completions HTTP/1.0"),
  );
  add(
    "only bare LF",
    (own, hidden) => `${[line, ...common, `Content-Length: ${own.length}`].join("\n")}\n\n${own}${hidden}`,
  );
  add(
    "only bare CR",
    (own, hidden) => `${[line, ...common, `Content-Length: ${own.length}`].join("\r")}\r\r${own}${hidden}`,
  );
  add("a field folded", (own, hidden) => call(["X-A: b", " c", `Content-Length: ${own.length}`], own + hidden));
  add("a line without a colon", (own, hidden) => call(["X-A", `Content-Length: ${own.length}`], own + hidden));
  add("a NUL in a value", (own, hidden) => call(["X-A: b\0c", `Content-Length: ${own.length}`], own + hidden));
  // What only one of two hops is to see takes the length away behind the first.
  for (const named of ["content-length", "transfer-encoding", "close, content-length", "host"]) {
    const fields = named.includes("transfer") ? coded : [];
    add(
      `${named} named as belonging to the connection`,
      (own, hidden) =>
        call(
          [`Connection: keep-alive, ${named}`, ...(fields.length > 0 ? fields : [`Content-Length: ${own.length}`])],
          fields.length > 0 ? chunked(own, hidden) : own + hidden,
        ),
      true,
    );
  }
  add("a call behind a call", (own, hidden) => call([`Content-Length: ${own.length}`], own + hidden), true);
  add(
    "a body of a GET",
    (own, hidden) => call([`Content-Length: ${own.length}`], own + hidden, "GET /v1/models HTTP/1.1"),
    true,
  );
  add(
    "an expectation",
    (own, hidden) => call(["Expect: 100-continue", `Content-Length: ${own.length}`], own + hidden),
    true,
  );
  add(
    "another protocol asked for",
    (own, hidden) =>
      call(
        [
          "Connection: upgrade, http2-settings",
          "Upgrade: h2c",
          "HTTP2-Settings: AAMAAABkAAQAAP__",
          `Content-Length: ${own.length}`,
        ],
        own + hidden,
      ),
    true,
  );
}
