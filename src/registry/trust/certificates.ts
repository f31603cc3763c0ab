import { X509Certificate } from "node:crypto";
import { type Stats, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "../../core/jobs/errors.ts";

/** The CA certificates trusted in addition to the system's, for both Node and skopeo. */
export interface Certificates {
  /** One PEM text with only usable certificates; empty when there are none. */
  readonly pem: string;
  /** What cannot be used, each as a sentence that names its file. */
  readonly unused: readonly string[];
}

/** The CA that signs the certificates of services in the cluster; OpenShift mounts it into every pod. */
const serviceCa = "/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt";
/** In bytes; a bundle of all public CAs has a quarter of this. */
const longestFile = 1024 * 1024;
const begins = "-----BEGIN ";

/**
 * Reads every file of a directory, in PEM or DER, again whenever one has changed. Throws a `SetupError` if the directory cannot be read.
 */
export function createCertificateReader(directory: string | undefined, now: () => number): () => Promise<Certificates> {
  let known: { readonly key: string; readonly certificates: Certificates } | undefined;
  return async () => {
    const files = [...(await filesIn(directory)), ...[describeFile(serviceCa)].filter(({ why }) => why === undefined)];
    const key = JSON.stringify(files);
    if (known?.key !== key) known = { key, certificates: await readAll(files, now()) };
    return known.certificates;
  };
}

interface FileState {
  readonly path: string;
  readonly size: number;
  readonly changed: number;
  /** Why it cannot be read at all. */
  readonly why?: string;
}

async function filesIn(directory: string | undefined): Promise<readonly FileState[]> {
  if (!directory) return [];
  try {
    // A mounted ConfigMap keeps its own files under names with a dot.
    const names = (await readdir(directory)).filter((name) => !name.startsWith(".")).sort();
    const ofClients = names.filter((name) => name.endsWith(".cert") && names.includes(keyOf(name)));
    const others = names.filter((name) => !ofClients.includes(name) && !ofClients.some((own) => keyOf(own) === name));
    const described = others.map((name) => describeFile(join(directory, name)));
    return [...described, ...ofClients.map((name) => unusable(join(directory, name), whyNotClients))];
  } catch (error) {
    throw new SetupError(
      `The certificates in ${directory} (BUILD_WATCHER_REGISTRY_CERTS) cannot be read: ${(error as Error).message}`,
    );
  }
}

/** Docker and skopeo call the halves so (`/etc/docker/certs.d`), and present them to the registry. */
const whyNotClients = "and its .key are a client's certificate, which the bot does not present: registries get a login";

function keyOf(name: string): string {
  return name.replace(/\.cert$/, ".key");
}

function unusable(path: string, why: string): FileState {
  return { path, size: 0, changed: 0, why };
}

/** At once, because every copy asks it of the same few files. */
function describeFile(path: string): FileState {
  const found = stateOf(path);
  if (found?.isFile()) return { path, size: found.size, changed: found.mtimeMs };
  const why = found === undefined ? "leads to nothing" : "is no file: put certificates into the directory itself";
  return unusable(path, why);
}

function stateOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

async function readAll(files: readonly FileState[], now: number): Promise<Certificates> {
  const read = await Promise.all(
    files.map(({ path, why }) =>
      why === undefined ? readCertificateFile(path, now) : { found: [], unused: [`${path} ${why}`] },
    ),
  );
  return { pem: read.flatMap(({ found }) => found).join(""), unused: read.flatMap(({ unused }) => unused) };
}

async function readCertificateFile(path: string, now: number): Promise<{ found: readonly string[]; unused: readonly string[] }> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > longestFile) return { found: [], unused: [`${path} is too large for a certificate`] };
    const text = textOf(bytes);
    if (!text.includes(begins)) return readOne(path, "is no certificate (PEM or DER)", bytes, now);
    const blocks = blocksOf(text).map(({ label, pem }) =>
      /^(?:X509 )?CERTIFICATE$/.test(label)
        ? readOne(path, "holds a damaged certificate", pem.replaceAll("X509 CERTIFICATE", "CERTIFICATE"), now)
        : { found: [], unused: [`${path} holds ${JSON.stringify(label)}, which is not used; expected CERTIFICATE`] },
    );
    return { found: blocks.flatMap(({ found }) => found), unused: [...new Set(blocks.flatMap(({ unused }) => unused))] };
  } catch (error) {
    return { found: [], unused: [`${path} cannot be read: ${(error as Error).message}`] };
  }
}

function readOne(path: string, complaint: string, certificate: string | Buffer, now: number) {
  try {
    const read = new X509Certificate(certificate);
    const isOver = read.validToDate.getTime() < now;
    return { found: [read.toString()], unused: isOver ? [`${path} holds a certificate that expired on ${read.validTo}`] : [] };
  } catch {
    return { found: [], unused: [`${path} ${complaint}`] };
  }
}

function textOf(bytes: Buffer): string {
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe;
  return bytes.toString(isWide ? "utf16le" : "latin1");
}

function blocksOf(text: string): readonly { readonly label: string; readonly pem: string }[] {
  return text
    .split(begins)
    .slice(1)
    .map((part) => {
      const label = part.slice(0, Math.max(part.indexOf("-----"), 0));
      const end = `-----END ${label}-----`;
      const at = part.indexOf(end);
      return { label, pem: at < 0 ? "" : `${begins}${part.slice(0, at)}${end}\n` };
    });
}
