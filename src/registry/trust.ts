import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "../core/errors.ts";

/** The CA that signs the certificates of services in the cluster; OpenShift mounts it into every pod. */
const serviceCa = "/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt";
const certificateFile = /\.(?:crt|pem|cer|ca)$/i;

/** The CA certificates trusted beside the system's, as one PEM text, read anew; empty when there are none. Throws when the directory cannot be read. */
export async function readCertificates(directory: string | undefined): Promise<string> {
  const own = directory ? await readDirectory(directory) : [];
  const cluster = await readFile(serviceCa, "utf8").catch(() => "");
  return [...own, cluster].filter((text) => text.includes("-----BEGIN CERTIFICATE-----")).join("\n");
}

async function readDirectory(directory: string): Promise<string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => certificateFile.test(name)).sort();
    return await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  } catch (error) {
    throw new SetupError(
      `The certificates in ${directory} (BUILD_WATCHER_REGISTRY_CERTS) cannot be read: ${(error as Error).message}`,
    );
  }
}
