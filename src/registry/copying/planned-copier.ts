import { type PushSettings, planCopy, readPushSettings } from "../../core/images/push-target.ts";
import type { ImageCopier } from "../image-copier.ts";

/** Copies nothing, and names images as their copies would be named. Throws `SetupError` for settings that make no valid names. */
export function createPlannedCopier({
  pushRegistry,
  layout,
  template,
  skip,
  owns,
}: Omit<PushSettings, "registry"> & { readonly pushRegistry: string }): ImageCopier {
  const rules = readPushSettings({ registry: pushRegistry, layout, template, skip, owns });
  return {
    onlyPlans: true,
    async copy(source) {
      const plan = planCopy(source, rules);
      if (plan.kind === "stays") return source;
      const { registry, repository, tags } = plan.target;
      return { registry, repository, tag: tags[0], digest: source.digest };
    },
    copyLogin: async () => undefined,
  };
}
