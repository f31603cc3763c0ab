/** The URL of a registry's API. Docker Hub's API has another host than its images' names. */
export function urlOf(registry: string, scheme: "https" | "http", path: string): URL {
  return new URL(`${scheme}://${registry === "docker.io" ? "registry-1.docker.io" : registry}/v2/${path}`);
}
