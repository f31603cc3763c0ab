import { readFileSync } from "node:fs";
import { openCluster } from "../../../src/app/opening/open-cluster.ts";

/** Lists the builds and image streams of a cluster as in one of its pods, and prints how many there were and the most memory it took. */
const [, , url, serviceAccountDirectory = ""] = process.argv;
const cluster = await openCluster({
  namespaces: ["shop"],
  verifyTls: false,
  watchTimeout: 60_000,
  url,
  serviceAccountDirectory,
  environment: { KUBERNETES_SERVICE_HOST: "127.0.0.1" },
});
let builds = 0;
for await (const sighting of cluster.watchBuilds(new AbortController().signal)) {
  if (sighting.kind === "builds") builds += sighting.builds.filter(({ kind }) => kind === "succeeded").length;
  if (sighting.kind === "synced") break;
}
let streams = 0;
for await (const sighting of cluster.listImages(new AbortController().signal)) if (sighting.kind === "stream") streams += 1;
await cluster.close();
console.log(JSON.stringify({ builds, streams, mebibytes: Math.round(mostKibibytes() / 1024) }));

/** Linux counts to `maxRSS` what the process held that started this one; its own status does not. */
function mostKibibytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}
