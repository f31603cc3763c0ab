/** One comparison within one run, which a change of machine hardly moves. */
export interface Measurement {
  readonly name: string;
  readonly ratio: number;
  /** Empty when the figure is only shown. */
  readonly bound: { readonly min?: number; readonly max?: number };
  /** The figures behind the ratio, with their units. */
  readonly detail: string;
}

/** Whether a measurement keeps its bound. */
export function isWithinBound({
  ratio,
  bound: { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY },
}: Measurement): boolean {
  return ratio >= min && ratio <= max;
}

/** The value below which a share of the values lies; 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
