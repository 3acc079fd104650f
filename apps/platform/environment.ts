/** The process's environment. The one place that reads it; everything else is given what it needs. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;
