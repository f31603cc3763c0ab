/** A page with its generated parts written anew, each between two comments of its name; throws when it lacks the place of one. */
export function replaceParts(file: string, page: string, parts: Readonly<Record<string, () => string>>): string {
  return Object.entries(parts).reduce((text, [name, render]) => {
    const place = new RegExp(`(<!-- begin ${name}[^>]*-->\n)[\\s\\S]*?(<!-- end ${name} -->)`);
    if (!place.test(text)) throw new Error(`${file} has no place for ${name}`);
    return text.replace(place, (_, begin: string, end: string) => `${begin}\n${render()}\n\n${end}`);
  }, page);
}
