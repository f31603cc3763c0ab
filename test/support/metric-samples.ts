/** A series of the bot's metrics as promtool takes it, in samples of a minute. */
export interface Samples {
  readonly series: string;
  readonly values: string;
  /** Whether the trouble changed it. */
  readonly moves: boolean;
}

/** What a bot's `/metrics` said before a trouble, during it, and once more after something else had happened. */
export interface Scrapes {
  readonly before: string;
  readonly during: string;
  readonly after: string;
}

const minutes = 120;

/**
 * Two hours of the bot's series, after what three scrapes showed. Attempts and restarts that rose go on rising, for what fails is retried. Times
 * go on with the clock if they moved at last; promtool's clock begins at 0. Everything else stays as it is.
 */
export function extrapolated({ before, during, after }: Scrapes): readonly Samples[] {
  const [first, second, third] = [before, during, after].map(valuesOf);
  return [...(third ?? new Map<string, number>())]
    .filter(([series]) => series.startsWith("build_watcher_"))
    .map(([series, value]) => {
      const [old, now] = [first?.get(series) ?? 0, second?.get(series) ?? 0];
      return { series: labelled(series), values: valuesFrom(series, { old, now, value }), moves: now !== old };
    });
}

function valuesFrom(series: string, { old, now, value }: Record<"old" | "now" | "value", number>): string {
  if (/_timestamp_seconds(?:\{|$)/.test(series)) return value > now ? `0+60x${minutes}` : `0x${minutes}`;
  if (/_(?:attempts|restarts)_total/.test(series) && now > old) return `${old}+${now - old}x${minutes}`;
  return `${old} ${value}x${minutes}`;
}

function valuesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Prometheus adds where it read a series. */
function labelled(series: string): string {
  const at = 'namespace="bots",pod="build-watcher-1"';
  return series.endsWith("}") ? `${series.slice(0, -1)},${at}}` : `${series}{${at}}`;
}
