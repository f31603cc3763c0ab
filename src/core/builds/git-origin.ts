import { forPeople, longestText } from "../outside-text.ts";

const schemes: ReadonlySet<string> = new Set([
  "https:",
  "http:",
  "ssh:",
  "git:",
  "git+ssh:",
  "git+https:",
  "ftp:",
  "ftps:",
  "file:",
]);

/** `user@host:path`, as ssh has it, and paths on a disk. */
const remotePath = /^(?:([A-Za-z0-9._-]{1,64})@)?([A-Za-z0-9.-]{1,253}):([^@?#:;]*)$/;
const localPath = /^[^@?#:;]*$/;

/**
 * The address of a source, safe to show: without user, password, query and fragment, since each can hold a login. Undefined when
 * the text is not the address of a git repository, or a login could be elsewhere in it.
 */
export function gitOrigin(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > longestText) return undefined;
  const address = text.trim();
  if (/^[a-z][a-z0-9+.-]{0,30}:(?:[/\\]|(?:https?|ssh|git|ftps?):)/i.test(address) || /^https?:/i.test(address))
    return fromUrl(address);
  const [, user, host, path] = remotePath.exec(address) ?? [];
  // A word alone before the colon could also be a scheme.
  if (host !== undefined && path && (user !== undefined || host.includes(".")))
    return forPeople(`${user === "git" ? "git@" : ""}${host}:${path}`);
  return address !== "" && localPath.test(address) ? forPeople(address) : undefined;
}

function fromUrl(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, host, pathname, username, password, search, hash } = new URL(address);
  const isPlain = !/[@;]|%40|%3a|:\/\//i.test(pathname);
  if (!schemes.has(protocol) || !isPlain || (host === "" && protocol !== "file:")) return undefined;
  const hadMore = username || password || search || hash || address.includes("@") || /[?#\\]/.test(address);
  return forPeople(hadMore ? `${protocol}//${host}${pathname}` : address);
}
