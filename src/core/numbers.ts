/** A whole number for people: `12,345`. By hand, since `Intl` keeps 7 MB of memory for the languages of the world as soon as it is used. */
export function grouped(amount: number): string {
  if (amount < 1_000) return String(amount);
  return `${grouped(Math.floor(amount / 1_000))},${String(amount % 1_000).padStart(3, "0")}`;
}
