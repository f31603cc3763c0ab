import type { LayerEntry } from "../../support/layers.ts";

/** 4,000 files of a few kilobytes and 160 packages. */
export function layerFiles(layer: number): Record<string, LayerEntry> {
  const noise = (at: number) => Buffer.alloc(2_000 + ((at * 37) % 3_000), `${layer} ${at} some text `);
  const files = Array.from({ length: 3_840 }, (_, at) => [`usr/share/${layer}/${at % 50}/file-${at}.txt`, noise(at)] as const);
  const packages = Array.from({ length: 160 }, (_, at) => {
    const name = `package-${layer}-${at}`;
    return [`app/${layer}/node_modules/${name}/package.json`, JSON.stringify({ name, version: `1.${at}.0` })] as const;
  });
  return Object.fromEntries([...files, ...packages]);
}
