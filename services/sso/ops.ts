import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import { givePending } from "./group-rules.ts";
import {
  deleteScimGroup,
  type PatchScimGroupInput,
  patchScimGroup,
  type ReplaceScimGroupInput,
  replaceScimGroup,
} from "./ops/change-scim-group.ts";
import { createScimToken, listScimTokens, revokeScimToken, rotateScimToken } from "./ops/change-scim-tokens.ts";
import {
  type PatchScimUserInput,
  patchScimUser,
  type ReplaceScimUserInput,
  replaceScimUser,
} from "./ops/change-scim-user.ts";
import { type CreateClientInput, createClient } from "./ops/create-client.ts";
import { type CreateConnectionInput, createConnection } from "./ops/create-connection.ts";
import { type CreateScimGroupInput, createScimGroup } from "./ops/create-scim-group.ts";
import { type CreateScimUserInput, createScimUser } from "./ops/create-scim-user.ts";
import { deleteClient } from "./ops/delete-client.ts";
import { deleteConnection } from "./ops/delete-connection.ts";
import { deleteScimUser } from "./ops/delete-scim-user.ts";
import { describeServiceProvider } from "./ops/describe-service-provider.ts";
import { type DiscoverInput, discoverConnections } from "./ops/discover-connections.ts";
import { type EndOwnSessionInput, endOwnSession } from "./ops/end-own-session.ts";
import { type EndProviderSessionsInput, endProviderSessions } from "./ops/end-provider-sessions.ts";
import { type ExchangeCodeInput, exchangeCode } from "./ops/exchange-code.ts";
import { exportPerson } from "./ops/export-person.ts";
import { type FinishOidcSignInInput, finishOidcSignIn } from "./ops/finish-oidc-sign-in.ts";
import { type FinishSamlSignInInput, finishSamlSignIn } from "./ops/finish-saml-sign-in.ts";
import { forgetPerson } from "./ops/forget-person.ts";
import { getClient } from "./ops/get-client.ts";
import { getConnection } from "./ops/get-connection.ts";
import { type ListClientsInput, listClients } from "./ops/list-clients.ts";
import { type ListConnectionsInput, listConnections } from "./ops/list-connections.ts";
import { getScimGroup, type ListScimGroupsInput, listScimGroups } from "./ops/list-scim-groups.ts";
import { getScimUser, type ListScimInput, listScimUsers } from "./ops/list-scim-users.ts";
import { forgetUnusedClients, registerClient } from "./ops/register-client.ts";
import { rotateClientSecret } from "./ops/rotate-client-secret.ts";
import { type StartSignInInput, startSignIn } from "./ops/start-sign-in.ts";
import { type TakeSamlAnswerInput, takeSamlAnswer } from "./ops/take-saml-answer.ts";
import { testConnection } from "./ops/test-connection.ts";
import { type UpdateClientInput, updateClient } from "./ops/update-client.ts";
import { type ConnectionChange, type UpdateConnectionInput, updateConnection } from "./ops/update-connection.ts";
import type { ClientChange } from "./provider/client-change.ts";
import type { ProviderRequest } from "./provider/exchange.ts";
import {
  answerInteraction,
  type InteractionAnswer,
  type InteractionVisit,
  showInteraction,
} from "./provider/interaction.ts";
import { mount } from "./provider/openid-provider.ts";
import { noteLogouts, tellPrograms } from "./provider/tell-programs.ts";

interface ProviderCall {
  readonly request: ProviderRequest;
  readonly locale: Locale;
  readonly clientAddress: string;
}

import { findScimCaller } from "./scim/caller.ts";
import { followPeople } from "./scim/follow-person.ts";
import type { ScimReference } from "./scim/model.ts";

interface ConnectionReference {
  readonly tenantId: string;
  readonly connectionId: string;
}

const expiring = [
  ...["sign_in", "exchange_code", "federated_session", "seen_message", "provider_item", "provider_login"],
  ...["scim_token", "logout_notice"],
];
const maxDeletedAtOnce = 1_000;

/** Binds the operations of sign-on to what they need. */
export function createSsoOps(deps: SsoDeps) {
  return {
    createConnection: (input: CreateConnectionInput) => createConnection(deps, input),
    getConnection: (input: ConnectionReference) => getConnection(deps, input),
    listConnections: (input: ListConnectionsInput) => listConnections(deps, input),
    updateConnection: (input: UpdateConnectionInput) => updateConnection(deps, input),
    deleteConnection: (input: ConnectionChange) => deleteConnection(deps, input),
    testConnection: (input: ConnectionReference) => testConnection(deps, input),
    discoverConnections: (input: DiscoverInput) => discoverConnections(deps, input),
    startSignIn: (input: StartSignInInput) => startSignIn(deps, input),
    finishOidcSignIn: (input: FinishOidcSignInInput) => finishOidcSignIn(deps, input),
    takeSamlAnswer: (input: TakeSamlAnswerInput) => takeSamlAnswer(deps, input),
    finishSamlSignIn: (input: FinishSamlSignInInput) => finishSamlSignIn(deps, input),
    describeServiceProvider: (input: { readonly connectionId: string }) => describeServiceProvider(deps, input),
    exchangeCode: (input: ExchangeCodeInput) => exchangeCode(deps, input),
    endProviderSessions: (input: EndProviderSessionsInput) => endProviderSessions(deps, input),
    endOwnSession: (input: EndOwnSessionInput) => endOwnSession(deps, input),
    createClient: (input: CreateClientInput) => createClient(deps, input),
    getClient: (input: { readonly tenantId: string; readonly clientId: string }) => getClient(deps, input),
    listClients: (input: ListClientsInput) => listClients(deps, input),
    updateClient: (input: UpdateClientInput) => updateClient(deps, input),
    rotateClientSecret: (input: ClientChange) => rotateClientSecret(deps, input),
    deleteClient: (input: ClientChange) => deleteClient(deps, input),
    serveProvider: ({ request, locale, clientAddress }: ProviderCall) =>
      deps.provider.serve(request, locale, clientAddress),
    showInteraction: (input: InteractionVisit) => showInteraction(deps, input),
    answerInteraction: (input: InteractionAnswer) => answerInteraction(deps, input),
    givePending: () => givePending(deps),
    createScimToken: (input: Parameters<typeof createScimToken>[1]) => createScimToken(deps, input),
    listScimTokens: (input: ConnectionReference) => listScimTokens(deps, input),
    rotateScimToken: (input: Parameters<typeof rotateScimToken>[1]) => rotateScimToken(deps, input),
    revokeScimToken: (input: Parameters<typeof revokeScimToken>[1]) => revokeScimToken(deps, input),
    findScimCaller: (input: Parameters<typeof findScimCaller>[1]) => findScimCaller(deps, input),
    createScimUser: (input: CreateScimUserInput) => createScimUser(deps, input),
    getScimUser: (input: ScimReference) => getScimUser(deps, input),
    listScimUsers: (input: ListScimInput) => listScimUsers(deps, input),
    replaceScimUser: (input: ReplaceScimUserInput) => replaceScimUser(deps, input),
    patchScimUser: (input: PatchScimUserInput) => patchScimUser(deps, input),
    deleteScimUser: (input: ScimReference) => deleteScimUser(deps, input),
    createScimGroup: (input: CreateScimGroupInput) => createScimGroup(deps, input),
    getScimGroup: (input: Parameters<typeof getScimGroup>[1]) => getScimGroup(deps, input),
    listScimGroups: (input: ListScimGroupsInput) => listScimGroups(deps, input),
    replaceScimGroup: (input: ReplaceScimGroupInput) => replaceScimGroup(deps, input),
    patchScimGroup: (input: PatchScimGroupInput) => patchScimGroup(deps, input),
    deleteScimGroup: (input: ScimReference) => deleteScimGroup(deps, input),
    /** Brings people to where their providers have them, as far as that is still to be done. */
    followPeople: () => followPeople(deps),
    noteLogouts: (tx: Tx, ended: { readonly sessionId: string; readonly userId: string }) =>
      noteLogouts(deps, tx, ended),
    /** Tells programs of sessions that are over, as far as that is due. */
    tellPrograms: () => tellPrograms(deps),
    forgetPerson: (tx: Tx, person: ExportedPerson) => forgetPerson(deps, tx, person),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
    /** Deletes what nobody can come back to. */
    registerClient: (input: Parameters<typeof registerClient>[1]) => registerClient(deps, input),
    async sweep() {
      const now = new Date(deps.clock.nowMs());
      await forgetUnusedClients(deps);
      for (const table of expiring) await deleteExpired(deps.db, table, { now, limit: maxDeletedAtOnce });
    },
    get publicUrl() {
      return deps.settings.publicUrl;
    },
    /** What programs know Lyss by. */
    get issuer() {
      return deps.settings.publicUrl + mount;
    },
  };
}

export type SsoOps = ReturnType<typeof createSsoOps>;
