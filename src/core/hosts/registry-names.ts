/** Docker Hub has several names. */
const dockerHub: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
  "hub.docker.com",
];

/** A registry's `host[:port]` as all its spellings have it: in small letters, without the usual port, Docker Hub as `docker.io`. */
export function registryName(host: string): string {
  const name = host.toLowerCase().replace(/:0{0,4}443$/, "");
  return dockerHub.includes(name) ? "docker.io" : name;
}

/** Whether two hosts name the same registry. */
export function isSameRegistry(one: string, other: string): boolean {
  return registryName(one) === registryName(other);
}
