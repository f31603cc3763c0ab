/** A whole number for people: `12,345`. By hand, since `Intl` keeps 7 MB of memory for the languages of the world as soon as it is used. */
export function grouped(amount: number): string {
  return String(amount).replace(/\d(?=(?:\d{3})+$)/g, "$&,");
}
