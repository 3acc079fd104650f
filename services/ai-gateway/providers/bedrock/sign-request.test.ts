import assert from "node:assert/strict";
import { test } from "node:test";
import { regionOf } from "./credentials.ts";
import { encodeSegment, signRequest } from "./sign-request.ts";

// AWS's published test suite for Signature Version 4: its keys, time and scope, and the signatures that it gives.
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const scope = { region: "us-east-1", service: "service" };
const request = { authority: "example.amazonaws.com", body: Buffer.alloc(0), nowMs: Date.UTC(2015, 7, 30, 12, 36) };
const sessionToken =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

const vectors: readonly {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sessionToken?: string;
  readonly signature: string;
}[] = [
  {
    ...{ what: "get-vanilla", method: "GET", path: "/" },
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    ...{ what: "post-vanilla", method: "POST", path: "/" },
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    ...{ what: "get-vanilla-query-order-key-case", method: "GET", path: "/?Param2=value2&Param1=value1" },
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    ...{ what: "post-vanilla-empty-query-value", method: "POST", path: "/?Param1=value1" },
    signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
  },
  {
    // Encoded once by us: the suite's paths are those before they are encoded.
    ...{ what: "get-space", method: "GET", path: "/example space/" },
    signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
  },
  {
    ...{ what: "get-utf8", method: "GET", path: "/ሴ" },
    signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
  },
  {
    ...{ what: "post-x-www-form-urlencoded", method: "POST", path: "/", body: "Param1=value1" },
    headers: { "content-type": "application/x-www-form-urlencoded" },
    signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  },
  {
    ...{ what: "post-sts-header-before", method: "POST", path: "/", sessionToken },
    signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  },
];

for (const { what, method, path, body = "", headers, sessionToken: token, signature } of vectors) {
  test(`W45: a request is signed as AWS's own suite has it: ${what}`, () => {
    const sent = { ...request, method, path, body: Buffer.from(body) };
    const signed = signRequest(sent, { ...credentials, sessionToken: token }, scope, headers);
    assert.equal(signed["authorization"]?.split("Signature=")[1], signature);
    assert.equal(signed["x-amz-date"], "20150830T123600Z");
    assert.equal(signed["x-amz-security-token"], token);
  });
}

test("another byte of the body is another signature, and a model's name is one segment of the path", () => {
  const sign = (body: string) =>
    signRequest({ ...request, method: "POST", path: "/", body: Buffer.from(body) }, credentials, scope);
  assert.notEqual(sign("{}")["authorization"], sign("{ }")["authorization"]);
  const arn = "arn:aws:bedrock:us-east-1:123:inference-profile/us.amazon.nova-lite-v1:0";
  assert.equal(
    encodeSegment(arn),
    "arn%3Aaws%3Abedrock%3Aus-east-1%3A123%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
  );
});

test("the region is the one that the address names", () => {
  for (const [authority, region] of [
    ["bedrock-runtime.us-west-2.amazonaws.com", "us-west-2"],
    ["bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
    ["bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"],
    ["vpce-0a-1b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"],
    ["127.0.0.1:8080", "us-east-1"],
  ] as const) {
    assert.equal(regionOf(authority), region);
  }
});
