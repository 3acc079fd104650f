import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createTestCertificate } from "@lyss/kit/testing/certificate.ts";

/** As much of samlify as is used here: its own types bring those of a browser's page into the whole program. */
interface Samlify {
  setSchemaValidator(validator: { validate(): Promise<unknown> }): void;
  IdentityProvider(settings: object): TestIdentityProvider;
  ServiceProvider(settings: { readonly metadata: string }): object;
  readonly SamlLib: { replaceTagsByValue(text: string, values: Readonly<Record<string, string>>): string };
}

interface TestIdentityProvider {
  getMetadata(): string;
  parseLoginRequest(
    serviceProvider: object,
    binding: "redirect",
    req: object,
  ): Promise<{ readonly extract: LoginRequest }>;
  createLoginResponse(
    serviceProvider: object,
    request: { readonly extract: LoginRequest },
    binding: "post",
    user: object,
    fill: (template: string) => { readonly id: string; readonly context: string },
  ): Promise<{ readonly context: string }>;
}

interface LoginRequest {
  readonly request: { readonly id: string; readonly assertionConsumerServiceUrl: string };
  readonly issuer: string;
}

const samlify: Samlify = await import("samlify" as string);

/** What the provider says of the person who signs in next. */
export interface SamlAccount {
  readonly nameId: string;
  readonly mail: string;
  readonly groups?: readonly string[];
  /** Of the provider's session. */
  readonly sessionMs?: number;
}

// Requests are ours, and read below; samlify asks for a validator all the same.
samlify.setSchemaValidator({ validate: () => Promise.resolve("valid") });
const persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const template =
  '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}" InResponseTo="{InResponseTo}"><saml:Issuer>{Issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{StatusCode}"/></samlp:Status><saml:Assertion ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}"><saml:Issuer>{Issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{NameIDFormat}">{NameID}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{Until}" Recipient="{Destination}" InResponseTo="{InResponseTo}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{IssueInstant}" NotOnOrAfter="{Until}"><saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}" SessionNotOnOrAfter="{SessionUntil}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue>{Mail}</saml:AttributeValue></saml:Attribute>{Groups}</saml:AttributeStatement></saml:Assertion></samlp:Response>';

/** A real SAML provider (samlify) on loopback, at which whoever comes is `account`. */
export async function startSamlProvider(t: { after(work: () => Promise<void>): void }, nowMs: () => number) {
  let account: SamlAccount = { nameId: "", mail: "" };
  let serviceProvider: object | undefined;
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "/", origin);
    if (url.pathname === "/metadata") return void res.end(idp.getMetadata());
    const fail = (err: unknown) => void res.writeHead(400).end(String(err));
    answer(url).then((fields) => res.setHeader("content-type", "application/json").end(JSON.stringify(fields)), fail);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey, certificate } = createTestCertificate();
  const idp = samlify.IdentityProvider({
    ...{ entityID: `${origin}/saml`, privateKey, signingCert: certificate, nameIDFormat: [persistent] },
    requestSignatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    loginResponseTemplate: { context: template, attributes: [] },
    singleSignOnService: [
      { Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", Location: `${origin}/sso?tenant=acme` },
    ],
  });

  /** What a browser is to post, and where. */
  async function answer({ searchParams }: URL) {
    if (!serviceProvider) throw new Error("the provider knows nobody");
    const query = Object.fromEntries(searchParams);
    const { extract } = await idp.parseLoginRequest(serviceProvider, "redirect", { query });
    const time = (afterMs: number) => new Date(nowMs() + afterMs).toISOString();
    const acsUrl = extract.request.assertionConsumerServiceUrl;
    const groups = (account.groups ?? [])
      .map((group) => `<saml:AttributeValue>${group}</saml:AttributeValue>`)
      .join("");
    const values = {
      ...{ ID: `_${crypto.randomUUID()}`, AssertionID: `_${crypto.randomUUID()}`, Destination: acsUrl },
      ...{ IssueInstant: time(0), Until: time(300_000), SessionUntil: time(account.sessionMs ?? 3_600_000) },
      ...{ InResponseTo: extract.request.id, Issuer: `${origin}/saml`, Audience: extract.issuer },
      ...{ StatusCode: "urn:oasis:names:tc:SAML:2.0:status:Success", NameIDFormat: persistent, NameID: account.nameId },
      Mail: account.mail,
    };
    const filled = (text: string) => ({
      id: values.ID,
      context: samlify.SamlLib.replaceTagsByValue(text, values).replace(
        "{Groups}",
        groups && `<saml:Attribute Name="groups">${groups}</saml:Attribute>`,
      ),
    });
    const { context } = await idp.createLoginResponse(serviceProvider, { extract }, "post", {}, filled);
    return { action: acsUrl, SAMLResponse: context, RelayState: searchParams.get("RelayState") ?? "" };
  }

  return {
    metadataUrl: `${origin}/metadata`,
    origin,
    certificate,
    signInAs(next: SamlAccount) {
      account = next;
    },
    /** Sets Lyss up here, by the document that it gives of itself. */
    know(metadata: string) {
      serviceProvider = samlify.ServiceProvider({ metadata });
    },
  };
}
