import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a test's kubeconfig says. */
export interface KubeconfigTraits {
  readonly server: string;
  readonly token?: string;
  readonly namespace?: string;
  /** PEM. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Further fields of the cluster, e.g. `insecure-skip-tls-verify`. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  /** Further fields of the user, e.g. `exec` or `tokenFile`. */
  readonly user?: Readonly<Record<string, unknown>>;
}

export interface TemporaryKubeconfig {
  readonly path: string;
  /** Its own directory, for files that go with it. */
  readonly directory: string;
  /** What to hand over as the process's environment. */
  readonly environment: { readonly KUBECONFIG: string };
  /** Writes it anew, as `oc login` does. */
  rewrite(traits: KubeconfigTraits): Promise<void>;
  remove(): Promise<void>;
}

/** Writes a kubeconfig to a directory of its own. */
export async function writeKubeconfig(traits: KubeconfigTraits): Promise<TemporaryKubeconfig> {
  const directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  const path = join(directory, "config");
  const rewrite = (next: KubeconfigTraits) => writeFile(path, JSON.stringify(kubeconfig(next)), { mode: 0o600 });
  await rewrite(traits);
  return {
    path,
    directory,
    environment: { KUBECONFIG: path },
    rewrite,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** A kubeconfig as an object; YAML reads its JSON. */
export function kubeconfig(traits: KubeconfigTraits): object {
  const { server, token, namespace = "golang-builder", ca, certificate, key } = traits;
  const user = { token, "client-certificate-data": base64(certificate), "client-key-data": base64(key), ...traits.user };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server, "certificate-authority-data": base64(ca), ...traits.cluster } }],
    users: [{ name: "developer", user }],
    contexts: [{ name: "context", context: { cluster: "cluster", user: "developer", namespace } }],
    "current-context": "context",
  };
}

function base64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString("base64");
}
