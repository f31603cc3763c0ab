/** Milliseconds of the units of a duration. */
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The time (ms) a text means, seen from `now`: `now`, a duration before it (`7d`, `90m`), or an RFC 3339 time; undefined when it is none. */
export function parseSince(text: string, now: number): number | undefined {
  if (text === "now") return now;
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * (units[unit] ?? 0);
  if (!/^\d{4}-\d\d-\d\d(?:T[\d:.]{5,16}(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
