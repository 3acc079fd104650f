/** A sign-in to a known account that was refused. */
export interface RefusedSignIn {
  readonly userId: string;
  readonly tenantId: string;
  readonly clientAddress: string;
  readonly refusedAtMs: number;
}

const maxNoted = 10_000;

/**
 * Collects refused sign-ins until they are written to the audit log. They are not written at once, for then an account
 * that exists would take longer to refuse than one that does not.
 */
export function createRefusedSignIns() {
  let noted: RefusedSignIn[] = [];
  return {
    /** Beyond 10,000 between two takes one goes unnoted. */
    note(refused: RefusedSignIn): void {
      if (noted.length < maxNoted) noted.push(refused);
    },
    /** What was noted since the last take, oldest first. */
    take(): readonly RefusedSignIn[] {
      const taken = noted;
      noted = [];
      return taken;
    },
  };
}

export type RefusedSignIns = ReturnType<typeof createRefusedSignIns>;
