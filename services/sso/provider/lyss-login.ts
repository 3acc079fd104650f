/** What the page of ours adds to the result of a login. */
export interface LyssLogin {
  readonly sessionId: string;
  readonly tenantId: string;
}

export function readLogin(result: unknown): LyssLogin | undefined {
  return (result as { login?: { lyss?: LyssLogin } } | undefined)?.login?.lyss;
}
