let ask: () => Promise<boolean> = async () => false;

/** Tells who shows the dialog that asks for a proof. */
export function whenProofIsAsked(handler: () => Promise<boolean>): void {
  ask = handler;
}

/** Has the person prove who they are; false when they would rather not. */
export function proveAgain(): Promise<boolean> {
  return ask();
}
