import { buildSystems } from "../src/sources/index.ts";
import { readingRights } from "../src/sources/rights.ts";
import { replaceParts } from "./page-parts.ts";

const systems = buildSystems.map((system) => ({ ...system, kinds: system.sources({ ignoreResults: [] }) }));

/** `docs/sources.md` with its generated tables. */
export function renderSourcesPage(page: string): string {
  return replaceParts("docs/sources.md", page, { systems: systemTable, rights: rightsTable });
}

function systemTable(): string {
  const rows = systems.map(({ name, origin, kinds }) => {
    const [{ resource } = { resource: { group: "", version: "" } }] = kinds;
    const names = kinds.map(({ kind, objectKind = kind }) => `${objectKind}s`).join(" and ");
    return `| \`${name}\` | ${names} (\`${resource.group}/${resource.version}\`) | ${origin} |`;
  });
  return ["| name | what it watches | where it comes from |", "|---|---|---|", ...rows].join("\n");
}

const uses: Readonly<Record<string, string>> = {
  builds: "seeing them",
  owners: "reading their skip annotation; without it only the runs' own counts",
  logs: "submitting their logs, and `build-watcher logs`",
};

function rightsTable(): string {
  const rights = systems.filter(({ name }) => name !== "builds").flatMap(({ kinds }) => kinds.flatMap(readingRights));
  const byResource = Map.groupBy(rights, ({ group, resource, use }) => `${resource} ${group} ${use}`);
  const rows = [...byResource.values()].map((same) => {
    const [{ group, resource, use }] = same as [(typeof same)[0]];
    const verbs = [...new Set(same.map(({ verb }) => verb))].join(", ");
    return `| ${verbs} \`${resource}\`${group === "" ? "" : ` (\`${group}\`)`} | ${uses[use]} |`;
  });
  return ["| right | for |", "|---|---|", ...rows].join("\n");
}
