const ecosystems = ["deb", "rpm", "apk", "npm", "pypi", "maven", "golang"] as const;
/** The type of a package URL, https://github.com/package-url/purl-spec/blob/main/purl-types-index.json. */
export type Ecosystem = (typeof ecosystems)[number];

/** A question for packages: `name[@version or range]`, or a package URL. */
export interface PackageQuestion {
  /** A full name, or a Maven artifact without its group. */
  readonly name: string;
  readonly ecosystem?: Ecosystem;
  readonly group?: string;
  /** A version, or bounds such as `>=2.0 <2.17.1`; every version without one. */
  readonly range?: string;
}

const longestQuestion = 500;

/** Reads `log4j-core`, `log4j-core@2.14`, `@babel/core@>=7 <7.2` or `pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1`; undefined when it is none. */
export function parsePackageQuestion(text: string): PackageQuestion | undefined {
  const asked = text.trim();
  if (asked === "" || asked.length > longestQuestion) return undefined;
  if (asked.startsWith("pkg:")) return parseUrl(asked.slice("pkg:".length));
  // A scope of npm begins with an @ of its own.
  const at = asked.indexOf("@", 1);
  const [name, range] = at < 0 ? [asked, ""] : [asked.slice(0, at).trim(), asked.slice(at + 1).trim()];
  return name === "" ? undefined : { name, ...(range && { range }) };
}

function parseUrl(text: string): PackageQuestion | undefined {
  const [path = ""] = text.split(/[?#]/);
  const at = path.lastIndexOf("@");
  const [type = "", ...parts] = decode(at > 0 ? path.slice(0, at) : path).split("/");
  const ecosystem = ecosystems.find((known) => known === type.toLowerCase());
  const name = ecosystem === "npm" || ecosystem === "golang" ? parts.join("/") : (parts.at(-1) ?? "");
  if (!ecosystem || name === "") return undefined;
  const version = at > 0 ? decode(path.slice(at + 1)) : "";
  const group = ecosystem === "maven" && parts.length > 1 ? parts.slice(0, -1).join("/") : undefined;
  return { name, ecosystem, ...(group && { group }), ...(version && { range: `=${version}` }) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
