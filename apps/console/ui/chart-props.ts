export interface ChartSeries {
  readonly name: string;
  /** One value for each of `times`; NaN where there is none. */
  readonly values: readonly number[];
  /** Its colour in the palette; without it that of its place. */
  readonly tone?: number;
}

export interface ChartProps {
  /** What is drawn, for those who do not see it. */
  readonly label: string;
  /** ISO 8601, in order. */
  readonly times: readonly string[];
  readonly series: readonly ChartSeries[];
  readonly kind?: "line" | "bar" | "area";
  /** A value with its unit. */
  readonly format: (value: number) => string;
  readonly heightPx?: number;
  /** A further series, drawn faintly: the range before. */
  readonly comparison?: ChartSeries;
}
