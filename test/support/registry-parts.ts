import { systemClock } from "../../src/core/clock.ts";
import { createRegistryParts, type RegistryParts, type RegistrySettings } from "../../src/registry/registry-parts.ts";

/** What asks registries, without logins and without verification unless the settings say so. */
export function openTestParts(settings: Partial<RegistrySettings> = {}): RegistryParts {
  return createRegistryParts({
    sourceVerifyTls: false,
    destinationVerifyTls: false,
    perRegistry: 8,
    loginFor: async () => undefined,
    clock: systemClock,
    ...settings,
  });
}
