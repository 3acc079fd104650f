import { useShownTheme } from "../app/theme.ts";

/** Told apart without colour vision (Okabe and Ito, 2008), darker on light and lighter on dark. */
const palette = {
  light: ["#5753c6", "#0b7a5e", "#c2410c", "#0369a1", "#a21caf", "#854d0e", "#475569", "#be123c"],
  dark: ["#9c98f2", "#4fd1a5", "#fb9a61", "#63b8f0", "#e48bf0", "#e2b94e", "#a3b0c2", "#fb8ba0"],
} as const;

/** The colours of a theme, from the first again after the last. */
export function colorOf(theme: keyof typeof palette, tone: number): string {
  const colors = palette[theme];
  return colors[tone % colors.length] ?? colors[0];
}

/** The colours as they are shown. */
export function useSeriesColor(): (tone: number) => string {
  const theme = useShownTheme();
  return (tone) => colorOf(theme, tone);
}
