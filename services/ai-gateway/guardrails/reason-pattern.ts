/** A reason or a category, by which programs and people tell verdicts apart: a code, no sentence. */
export const reasonPattern = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$/;
