import { getCACertificates } from "node:tls";

/**
 * Node's own CAs and the machine's, which skopeo trusts, and those of a PEM text, as PEM. Each is there once: a machine has most of Node's, in a
 * bundle and in a directory, and reading them three times would keep everything else waiting for 100 ms. The first call takes 50 ms.
 */
export function trustedAuthorities(certificates = ""): string[] {
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system"), certificates])].filter(Boolean);
}
