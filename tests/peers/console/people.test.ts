import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import type { Page } from "playwright-core";
import { requestJson } from "../../run-platform.ts";
import { type Console, checkLook, checkWidth, missingBrowser, signIn, startConsole } from "./browser.ts";
import { idpMetadata } from "./idp-metadata.ts";
import { codeOf } from "./totp.ts";

const skip = missingBrowser ?? false;
const dataDir = mkdtempSync(join(tmpdir(), "lyss-console-people-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const mails = skip ? undefined : await startMailServer({ after });
const env = { LYSS_MAIL_URL: mails?.url ?? "" };
const { url, person, open } = skip ? ({} as Console) : await startConsole({ after }, { dataDir, env });
const desk = { viewport: { width: 1_280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark" } as const;
const ann = { adminEmail: "ann@example.com", adminPassword: "correct horse battery" };

async function list(path: string): Promise<Record<string, unknown>[]> {
  return (await requestJson(url + path, person.apiKey)).body["data"] as Record<string, unknown>[];
}

async function findAnn(): Promise<Record<string, unknown> | undefined> {
  const [found] = await list("/api/v1/users?search=ann%40example.com");
  return found;
}

/** What came by mail and begins a way back. */
async function linkFor(email: string): Promise<string> {
  const find = () =>
    mails?.received
      .filter(({ to }) => to.includes(email))
      .map(({ text }) => /http\S+\/account#accept=[\w-]+/.exec(text)?.[0])
      .findLast((link) => link !== undefined);
  await waitUntil(async () => find() !== undefined);
  return find() ?? "";
}

const inDialog = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

async function choose(page: Page, menu: RegExp | string, item: string): Promise<void> {
  await page.getByRole("button", { name: menu }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("somebody is invited, comes, gets another role, and is disabled after it was said what that ends", {
  skip,
}, async () => {
  const { page, context, mistakes } = await open(desk);
  await page.goto(`${url}/people`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Invite" }).first().click();
  await page.getByRole("textbox", { name: "E-mail" }).fill(ann.adminEmail);
  await checkLook(page, "invite");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await page.getByRole("cell", { name: ann.adminEmail, exact: true }).waitFor();
  await checkLook(page, "invitations");
  assert.deepEqual(
    (await list("/api/v1/invitations")).map(({ email, role }) => [email, role]),
    [[ann.adminEmail, "member"]],
  );
  const other = await context.newPage();
  await other.goto(await linkFor(ann.adminEmail));
  await other.locator("input[name=name]").fill("Ann Example");
  await other.locator("input[name=password]").fill(ann.adminPassword);
  await other.locator("button").click();
  await waitUntil(async () => (await findAnn()) !== undefined);

  await page.goto(`${url}/people?search=ann`);
  await choose(page, "Actions for Ann Example", "Change role");
  await page.getByRole("dialog").getByLabel("Role").selectOption("viewer");
  await page.getByRole("dialog").getByRole("button", { name: "Change role" }).click();
  await page.getByRole("cell", { name: "Viewer" }).waitFor();
  assert.equal((await findAnn())?.["role"], "viewer");
  await choose(page, "Actions for Ann Example", "Disable");
  await page.getByText(/is signed out everywhere/).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByRole("cell", { name: "Disabled" }).waitFor();
  await checkLook(page, "people");
  assert.equal((await findAnn())?.["status"], "inactive");
  await choose(page, "Actions for Ann Example", "Enable");
  await page.getByRole("cell", { name: "Active" }).waitFor();
  await page.getByRole("link", { name: "Ann Example" }).click();
  await page.getByText("Person enabled or disabled").first().waitFor();
  await checkLook(page, "person");
  assert.deepEqual(mistakes, []);
});

test("one's own account: a name, an app as second factor with its recovery codes, and an end to all other sessions", {
  skip,
}, async () => {
  const elsewhere = await open(desk);
  // Signed out, the page that mails lead to leads on to one's own account.
  await elsewhere.page.goto(`${url}/account`);
  await elsewhere.page.getByRole("heading", { name: "Nothing to do here" }).waitFor();
  // A mail's link in the tab that has the page already.
  await elsewhere.page.goto(`${url}/account#reset=${"a".repeat(43)}`);
  await elsewhere.page.getByRole("heading", { name: "Set a new password" }).waitFor();
  await checkLook(elsewhere.page, "set-password");
  await elsewhere.page.goto(`${url}/account`);
  await elsewhere.page.getByRole("link", { name: "Sign in to your account" }).click();
  await signIn(elsewhere.page, ann);
  await elsewhere.page.getByRole("heading", { level: 1, name: "Your account" }).waitFor();
  const { page, mistakes } = await open({ ...desk, colorScheme: "dark" });
  await page.goto(`${url}/settings`);
  await signIn(page, ann);
  await page.getByLabel("Name", { exact: true }).fill("Ann of Research");
  await page.getByRole("button", { name: "Save profile" }).click();
  await page.getByText("Profile saved").waitFor();
  assert.equal((await findAnn())?.["name"], "Ann of Research");

  await page.getByRole("button", { name: "Add an app" }).click();
  const secret = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  await checkLook(page, "totp-dark");
  await page.getByRole("textbox", { name: "Code" }).fill(codeOf(secret));
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByTestId("codes").waitFor();
  assert.equal(await page.getByTestId("codes").locator("li").count(), 10);
  await page.getByRole("button", { name: "I have saved them" }).click();
  await page.getByText(/^10 left/).waitFor();

  await page.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all others" }).click();
  await page.getByText("Sessions ended: 1").waitFor();
  const ask = `fetch("/api/v1/auth/sessions").then((answer) => answer.json()).then(({ data }) => data.length)`;
  assert.equal(await page.evaluate(ask), 1);
  await checkLook(page, "settings-dark");
  assert.deepEqual(mistakes, []);
});

test("a group is made and takes somebody in; a role of the tenant's own holds what was ticked; both stand in the audit log", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/groups`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Create group" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Research");
  await page.getByRole("dialog").getByRole("button", { name: "Create group" }).click();
  await page.getByRole("heading", { level: 1, name: "Research" }).waitFor();
  await page.getByRole("button", { name: "Add member" }).click();
  await page.getByLabel("Person").fill(ann.adminEmail);
  await page.getByRole("dialog").getByRole("button", { name: "Add member" }).click();
  await page.getByRole("searchbox", { name: "Search" }).fill("nobody");
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("searchbox", { name: "Search" }).fill(ann.adminEmail.slice(0, 6));
  await page.getByRole("link", { name: /^Ann/ }).waitFor();
  await checkLook(page, "group");
  const [research] = await list("/api/v1/groups?name=Research");
  const members = await list(`/api/v1/groups/${research?.["id"]}/members`);
  assert.ok(
    members.some((one) => one["role"] === "member"),
    JSON.stringify(members),
  );

  await page.goto(`${url}/roles`);
  await page.getByRole("button", { name: "Create role" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Support");
  await page.getByRole("textbox", { name: "Name" }).fill("support");
  await page.getByRole("checkbox", { name: "user:list" }).check();
  await checkLook(page, "role-form");
  await page.getByRole("dialog").getByRole("button", { name: "Create role" }).click();
  await page.getByRole("cell", { name: "Support support" }).waitFor();
  await checkLook(page, "roles");
  // The API does not search roles: the console does.
  await page.getByRole("searchbox", { name: "Search" }).fill("supp");
  await page.getByRole("cell", { name: "Viewer" }).waitFor({ state: "detached" });
  await page.getByRole("cell", { name: "Support support" }).waitFor();
  const roles = await list("/api/v1/tenants/me/roles");
  assert.deepEqual(roles.find(({ name }) => name === "support")?.["permissions"], ["user:list"]);

  await page.goto(`${url}/audit?act=role.*`);
  await page.getByRole("button", { name: "Role created" }).click();
  await page.getByText(/^Proof/).waitFor();
  await page.getByRole("term").filter({ hasText: "Permissions" }).waitFor();
  await checkLook(page, "audit-entry");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText(/The log is intact/).waitFor();
  await checkLook(page, "audit");
  await page.getByRole("button", { name: "The platform" }).click();
  await page.getByText(/^What was done to the platform itself/).waitFor();
  await checkLook(page, "audit-platform");
  assert.deepEqual(mistakes, []);
});

test("an identity provider is connected and its addresses are shown; the organisation's name and domain are its own", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/sso`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Connect a provider" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Our directory");
  await page.getByLabel("Issuer").fill("https://login.example.com");
  await page.getByLabel("Client id").fill("lyss");
  await checkLook(page, "sso-form");
  await page.getByRole("dialog").getByRole("button", { name: "Connect a provider" }).click();
  await waitUntil(async () => (await list("/api/v1/sso/connections")).length > 0);
  const [made] = await list("/api/v1/sso/connections");
  await page.getByText(String(made?.["redirect_uri"])).waitFor();
  await page.goto(`${url}/organisation`);
  await page.getByLabel("Name").first().fill("Example Works");
  await page.getByRole("button", { name: "Save name" }).click();
  await page.getByRole("button", { name: "Add domain" }).click();
  await page.getByRole("textbox", { name: "Domain" }).fill("example.com");
  await page.getByRole("dialog").getByRole("button", { name: "Add domain" }).click();
  await page.getByText(/^lyss-verification=/).waitFor();
  await checkLook(page, "organisation");
  const tenant = (await requestJson(`${url}/api/v1/tenants/me`, person.apiKey)).body;
  assert.equal(tenant["name"], "Example Works");
  assert.deepEqual(mistakes, []);
});

test("an app that people sign in to with Lyss is added, its secret replaced, and removed after it was said who is shut out", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/apps`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Add app" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Wiki");
  await page.getByLabel("Callback addresses").fill("https://wiki.example.com/callback");
  await page.getByRole("checkbox", { name: "offline_access" }).check();
  await checkLook(page, "app-form");
  await inDialog(page, "Add app").click();
  const first = await page.getByTestId("secret").textContent();
  await checkLook(page, "app-made");
  await inDialog(page, "I have copied it").click();
  const [app] = await list("/api/v1/sso/clients");
  assert.deepEqual([app?.["name"], app?.["redirect_uris"]], ["Wiki", ["https://wiki.example.com/callback"]]);
  assert.deepEqual(app?.["scopes"], ["openid", "profile", "email", "groups", "offline_access"]);
  await choose(page, "Actions for Wiki", "Rotate secret");
  await page.getByText("The old one is refused at once").waitFor();
  await inDialog(page, "Rotate secret").click();
  assert.notEqual(await page.getByTestId("secret").textContent(), first);
  await inDialog(page, "I have copied it").click();
  await checkLook(page, "apps");
  await choose(page, "Actions for Wiki", "Remove");
  await page.getByText(/Nobody can sign in to Wiki/).waitFor();
  await page.getByLabel("Type Wiki to confirm").fill("Wiki");
  await inDialog(page, "Remove").click();
  await page.getByText("No apps yet").waitFor();
  assert.deepEqual(await list("/api/v1/sso/clients"), []);
  assert.deepEqual(mistakes, []);
});

/** By how it begins, as people know it: that it was made, and that it was revoked. */
async function checkTokenAudit(page: Page): Promise<void> {
  await page.goto(`${url}/audit`);
  await page
    .getByRole("cell", { name: /^lyss_scim\S+…/ })
    .nth(1)
    .waitFor();
}

test("a SAML provider is connected by its metadata, enforced, its groups mapped, and given a SCIM token that is then revoked", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  const find = async () => (await list("/api/v1/sso/connections")).find(({ kind }) => kind === "saml");
  await page.goto(`${url}/sso`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Connect a provider" }).first().click();
  await inDialog(page, "SAML 2.0").click();
  await page.getByRole("textbox", { name: "Name" }).fill("Works login");
  await inDialog(page, "As a file").click();
  await page.getByLabel("Metadata (XML)").fill("<nothing/>");
  await page.getByRole("textbox", { name: "E-mail domains" }).fill("example.com, example.org");
  await inDialog(page, "Connect a provider").click();
  await page.getByText("must be the EntityDescriptor of an identity provider").waitFor();
  await checkLook(page, "sso-form-saml");
  await page.getByLabel("Metadata (XML)").fill(idpMetadata());
  await inDialog(page, "Connect a provider").click();
  await page.getByRole("heading", { level: 1, name: "Works login" }).waitFor();
  await page.getByText(/acs$/).waitFor();
  await page.getByText("example.com · not verified").waitFor();

  await page.getByLabel("Require single sign-on").check();
  await page.getByRole("button", { name: "Save rules" }).click();
  await waitUntil(async () => (await find())?.["enforced"] === true);
  await page.getByLabel("Groups attribute").fill("memberOf");
  await page.getByRole("button", { name: "Add rule: Group membership" }).click();
  await page.getByLabel("Group at the provider, rule 1").fill("/research");
  await page.getByRole("button", { name: "Add rule: Roles" }).click();
  await page.getByLabel("Group at the provider, rule 1").last().fill("/desk");
  await page.getByLabel("Role", { exact: true }).last().selectOption("support");
  await page.getByRole("button", { name: "Save mappings" }).click();
  await waitUntil(async () => (await find())?.["version"] === 3);
  const [research] = await list("/api/v1/groups?name=Research");
  const { claims, group_mapping, role_mapping, id, sso_url } = (await find()) ?? {};
  assert.deepEqual(
    { claims, group_mapping, role_mapping, sso_url },
    {
      claims: { email: "email", name: "name", groups: "memberOf" },
      group_mapping: [{ value: "/research", group_id: research?.["id"], role: "member" }],
      role_mapping: [{ value: "/desk", role: "support" }],
      sso_url: "https://idp.example.com/sso",
    },
  );

  await page.getByText(/refused until the provider is turned on/).waitFor();
  await page.getByRole("button", { name: "Turn on" }).click();
  await page.getByText("On", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Create token" }).click();
  await inDialog(page, "Create token").click();
  const secret = (await page.getByTestId("secret").textContent()) ?? "";
  await checkLook(page, "scim-token");
  const asked = () => fetch(`${url}/scim/v2/Users`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal((await asked()).status, 200);
  await inDialog(page, "I have copied it").click();
  await checkLook(page, "sso-connection");
  await page.getByRole("button", { name: /^Actions for lyss_scim/ }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByText(/The provider’s next call is refused/).waitFor();
  await inDialog(page, "Revoke").click();
  await page.getByText("No tokens yet").waitFor();
  assert.deepEqual(await list(`/api/v1/sso/connections/${id}/scim-tokens`), []);
  assert.equal((await asked()).status, 401);
  await checkTokenAudit(page);
  // Browsers report every answer of 400.
  assert.deepEqual(
    mistakes.filter((one) => !one.includes("status of 400")),
    [],
  );
});

test("a service client gets a token by the secret that is shown once, none when it is disabled, and is removed after its name was typed", {
  skip,
}, async () => {
  const { page, mistakes } = await open({ ...desk, colorScheme: "dark" });
  await page.goto(`${url}/service-clients`);
  await signIn(page, person);
  const chooseIn = (item: string) => choose(page, "Actions for nightly", item);
  const getToken = async (secret: string) => {
    const [client] = await list("/api/v1/auth/clients");
    const basic = Buffer.from(`${client?.["id"]}:${secret}`).toString("base64");
    const headers = { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" };
    const body = "grant_type=client_credentials";
    return (await fetch(`${url}/api/v1/auth/token`, { method: "POST", headers, body })).status;
  };
  await page.getByRole("button", { name: "Create client" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("nightly");
  await page.getByRole("checkbox", { name: "billing:read" }).check();
  await checkLook(page, "service-client-form-dark");
  await inDialog(page, "Create client").click();
  const first = (await page.getByTestId("secret").textContent()) ?? "";
  await checkLook(page, "service-client-made-dark");
  await inDialog(page, "I have copied it").click();
  assert.equal(await getToken(first), 200);
  const [made] = await list("/api/v1/auth/clients");
  assert.deepEqual([made?.["name"], made?.["permissions"]], ["nightly", ["model:call", "billing:read"]]);

  await chooseIn("Rotate secret");
  await page.getByLabel("The old secret works for").selectOption("0");
  await inDialog(page, "Rotate secret").click();
  const second = (await page.getByTestId("secret").textContent()) ?? "";
  await inDialog(page, "I have copied it").click();
  assert.deepEqual([await getToken(first), await getToken(second)], [401, 200]);
  await chooseIn("Disable");
  await inDialog(page, "Disable").click();
  await page.getByRole("cell", { name: "Disabled" }).waitFor();
  assert.equal(await getToken(second), 401);
  await chooseIn("Enable");
  await page.getByRole("cell", { name: "Active" }).waitFor();
  await checkLook(page, "service-clients-dark");
  await chooseIn("Remove");
  await page.getByLabel("Type nightly to confirm").fill("nightly");
  await inDialog(page, "Remove").click();
  await page.getByText("No service clients yet").waitFor();
  assert.deepEqual(await list("/api/v1/auth/clients"), []);
  assert.deepEqual(mistakes, []);
});

test("on a phone, in Chinese and dark, nothing of these pages stands out", { skip }, async () => {
  const { page, mistakes } = await open(phone);
  await page.goto(`${url}/people`);
  await signIn(page, person);
  const found = await findAnn();
  const [research] = await list("/api/v1/groups?name=Research");
  const [saml] = await list("/api/v1/sso/connections");
  const one = [`people/${found?.["id"]}`, `groups/${research?.["id"]}`, `sso/${saml?.["id"]}`];
  const views = ["people?view=invitations", "audit?view=all"];
  const lists = ["people", "groups", "service-clients", "roles", "sso", "audit", "organisation", "settings"];
  for (const place of [...lists, ...views, ...one]) {
    await page.goto(`${url}/${place}`);
    await page.locator("main h1").waitFor();
    await page.waitForLoadState("networkidle");
    await checkWidth(page);
    await checkLook(page, `${place.replaceAll(/\W/g, "-").slice(0, 24)}-phone-zh-dark`);
  }
  assert.deepEqual(mistakes, []);
});
