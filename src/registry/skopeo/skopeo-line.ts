import { type ImageReference, repositoryOf } from "../../core/images/image-reference.ts";

export type CopySide = "source" | "destination";

/** The images of a copy. Words in their names are not words of a failure. */
export interface CopyNames {
  readonly source: ImageReference;
  readonly destination: ImageReference;
}

/** What a line of skopeo's says, with names and addresses taken out. */
export interface ToldFailure {
  /** Undefined where the line does not say it. */
  readonly side: CopySide | undefined;
  /** The registry's HTTP status, where the line has it. */
  readonly status?: number;
  /** The code of the registry's error (distribution's API), in small letters: `name unknown`; `unknown` for those skopeo does not know. */
  readonly code?: string;
  /** What the registry said besides its code; empty if only skopeo speaks. */
  readonly said: string;
  /** The line without the names. */
  readonly words: string;
  /** What was asked for by name in the image: a manifest of an index, a blob. */
  readonly part?: string;
}

/** skopeo 1.9 to 1.22 begin so when they copy one image of an index. */
const ofIndex = /^copying (?:(?:image|instance) \d+\/\d+(?: from (?:manifest list|index))?|system image from manifest list): /i;

const sides: readonly (readonly [CopySide, RegExp])[] = [
  ["source", /happened during read:/i],
  [
    "source",
    /^(?:error )?(?:initializing (?:source|image from source)|parsing source|reading (?:manifest|blob|config|signatures)|determining manifest|parsing|choosing an image|source image|invalid source|getting (?:manifest|image))/i,
  ],
  [
    "destination",
    /^(?:error )?(?:trying to reuse blob|checking whether a blob|writing (?:blob|manifest|config|signatures)|uploading|initiating|creating an updated|initializing destination|invalid destination|committing)/i,
  ],
];

/** distribution's codes (registry/api/errcode, api/v2), as skopeo writes them, and the default words that newer versions (1.11) leave out. */
const codes: readonly (readonly [string, RegExp])[] = [
  ["unauthorized", /^(?:unauthorized(?=:|$)|authentication required$|invalid username\/password)/],
  ["denied", /^(?:denied(?=:|$)|requested access to the resource is denied$)/],
  ["toomanyrequests", /^(?:toomanyrequests(?=:|$)|too many requests)/],
  ["manifest blob unknown", /^(?:manifest blob unknown|manifest references a manifest or blob)/],
  ["blob unknown", /^(?:blob unknown(?=:|$|\sto registry))/],
  ["manifest unknown", /^manifest unknown(?=:|$)/],
  ["name unknown", /^(?:name unknown(?=:|$)|repository name not known to registry)/],
  ["name invalid", /^(?:name invalid(?=:|$)|invalid repository name)/],
  ["tag invalid", /^tag invalid(?=:|$)/],
  ["manifest invalid", /^manifest invalid(?=:|$)/],
  ["unsupported", /^(?:unsupported(?=:|$)|the operation is unsupported)/],
  ["unavailable", /^(?:unavailable(?=:|$)|service unavailable$)/],
  ["unknown", /^unknown(?=:|$)/],
];

const statuses = [
  /\bstatus ?code(?: from registry)?:? (\d{3})\b/i,
  /\bHTTP status:? (\d{3})\b/i,
  /\b(\d{3}) \([A-Z][A-Za-z' -]{2,40}\)/,
] as const;

/** Reads a line of skopeo by its form: `<what it did>: <where>: <code>: <what the registry said>`. */
export function readLine(line: string, names: CopyNames): ToldFailure {
  const own = line.replace(ofIndex, "");
  const words = withoutNames(own, names);
  const side = sides.find(([, pattern]) => pattern.test(words))?.[0] ?? sideOfHost(own, names);
  const part = /\breading (?:manifest|blob) (sha256:[0-9a-f]{64})\b/.exec(own)?.[1];
  const coded = findCode(words);
  const status = findStatus(words);
  const said = coded?.said ?? (status === undefined ? "" : words.slice(words.search(/status|\d{3} \(/i)));
  return { side, words, said, ...(coded && { code: coded.code }), ...(status && { status }), ...(part && { part }) };
}

/** The first part between colons that is a code; what follows is the registry's own text. */
function findCode(words: string): { code: string; said: string } | undefined {
  const rest = words.toLowerCase();
  for (let at = 0; at < rest.length; ) {
    const found = codes.find(([, pattern]) => pattern.test(rest.slice(at, at + 80)));
    if (found)
      return { code: found[0], said: words.slice(at + (words[at + found[0].length] === ":" ? found[0].length + 1 : 0)).trim() };
    const next = rest.indexOf(": ", at);
    if (next < 0) return undefined;
    at = next + 2;
  }
  return undefined;
}

function findStatus(words: string): number | undefined {
  const found = statuses.map((pattern) => pattern.exec(words)?.[1]).find((digits) => digits !== undefined);
  const status = Number(found);
  return status >= 400 && status < 600 ? status : undefined;
}

/** The side whose host is the only one in the line, if the line does not say what was done. */
function sideOfHost(line: string, { source, destination }: CopyNames): CopySide | undefined {
  const [from, to] = [source, destination].map(({ registry }) => line.includes(hostOf(registry)));
  if (from === to) return undefined;
  return from ? "source" : "destination";
}

/** Docker Hub's API has another host than its images' names. */
function hostOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

/** What everybody may call as he likes: tags, references, repositories, addresses. */
function withoutNames(line: string, { source, destination }: CopyNames): string {
  const known = new Set([source, destination].flatMap((image) => [image.repository, repositoryOf(image), image.registry]));
  const kept: string[] = [];
  let before = "";
  for (const word of line.replace(manifestPlace, "$1$2").split(" ")) {
    const bare = word.replace(/^["'(]/, "").replace(/[:"',)]{1,3}$/, "");
    const isName = isAddress.test(bare) || (known.has(bare) && (/[/:]/.test(bare) || beforeName.test(before)));
    if (!isName) kept.push(word);
    else if (word.endsWith(":")) kept.push(`${kept.pop() ?? ""}:`);
    before = word;
  }
  return kept.join(" ");
}

const manifestPlace = /\b((?:reading|uploading) manifest) [^ ]{1,200} (?:in|to) [^ ]{1,400}?(:?)(?= |$)/gi;
const isAddress = /^(?:docker:\/\/|https?:\/\/|\/v2\/)/;
/** Words that are followed by a name, so that a name is not mistaken for a word of the failure. */
const beforeName = /^(?:in|to|from|at|repository|registry)$/i;
