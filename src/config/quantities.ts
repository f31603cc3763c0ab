interface Unit {
  readonly name: string;
  readonly size: number;
}

const durationUnits: readonly Unit[] = [
  { name: "d", size: 24 * 60 * 60_000 },
  { name: "h", size: 60 * 60_000 },
  { name: "m", size: 60_000 },
  { name: "s", size: 1_000 },
  { name: "ms", size: 1 },
];

const sizeUnits: readonly Unit[] = [
  { name: "TiB", size: 1024 ** 4 },
  { name: "GiB", size: 1024 ** 3 },
  { name: "MiB", size: 1024 ** 2 },
  { name: "KiB", size: 1024 },
  { name: "", size: 1 },
];

const longestDuration = 100;

/** Milliseconds of `90` (seconds), `90s`, `15m`, `72h`, `30d`, `500ms` or a sequence such as `1h30m`; undefined when it is none of them. */
export function parseDuration(text: string): number | undefined {
  if (text.length > longestDuration) return undefined;
  const duration = text.toLowerCase();
  if (/^\d+(\.\d+)?$/.test(duration)) return whole(Number(duration) * 1_000);
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(duration)) return undefined;
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  return whole(parts.reduce((total, [, count, unit]) => total + Number(count) * sizeOf(durationUnits, unit), 0));
}

/** The shortest text for this many milliseconds. */
export function formatDuration(milliseconds: number): string {
  return formatIn(durationUnits, milliseconds) ?? "0s";
}

/** Bytes of `4194304`, `4MiB`, `4Mi` (1024s) or `4MB`, `4M` (1000s); undefined when it is none of them. */
export function parseSize(text: string): number | undefined {
  const [, count, prefix, binary] = /^(\d+(?:\.\d+)?)(?:([kmgt])(i)?)?b?$/.exec(text.toLowerCase()) ?? [];
  if (count === undefined) return undefined;
  const power = prefix === undefined ? 0 : "kmgt".indexOf(prefix) + 1;
  return whole(Number(count) * (binary ? 1024 : 1000) ** power);
}

/** The shortest text for this many bytes. */
export function formatSize(bytes: number): string {
  return formatIn(sizeUnits, bytes) ?? "0";
}

function sizeOf(units: readonly Unit[], name: string | undefined): number {
  return units.find((unit) => unit.name === name)?.size ?? Number.NaN;
}

function formatIn(units: readonly Unit[], amount: number): string | undefined {
  const unit = units.find(({ size }) => amount > 0 && amount % size === 0);
  return unit && `${amount / unit.size}${unit.name}`;
}

function whole(amount: number): number | undefined {
  const rounded = Math.round(amount);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
