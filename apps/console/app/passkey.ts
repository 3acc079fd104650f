/** Whether this browser has passkeys. */
export const hasPasskeys = typeof PublicKeyCredential === "function";

/**
 * Has the browser answer a question of the platform's with a passkey. The page is the only place that knows these types, so what comes
 * out is what the API takes. Throws what the browser throws when the person would rather not.
 */
export async function answerWithPasskey<Answer>(options: object): Promise<Answer> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON);
  const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  return credential.toJSON() as Answer;
}

/** Has the browser make a passkey. Throws what the browser throws when the person would rather not. */
export async function makePasskey<Answer>(options: object): Promise<Answer> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON);
  const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  return credential.toJSON() as Answer;
}

/** Whether the person closed the browser's dialog. */
export function isWithdrawn(err: unknown): boolean {
  return err instanceof DOMException && (err.name === "NotAllowedError" || err.name === "AbortError");
}
