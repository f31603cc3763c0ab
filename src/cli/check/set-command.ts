/** The command that changes a setting where the bot runs. */
export type SetCommand = (variable: string, placeholder: string) => string;

/** In a pod settings come from the ConfigMap of `openshift/config.yaml`, elsewhere from the shell. */
export function setCommandFor(environment: Readonly<Record<string, string | undefined>>): SetCommand {
  if (environment.KUBERNETES_SERVICE_HOST === undefined) return (variable, placeholder) => `export ${variable}='${placeholder}'`;
  return (variable, placeholder) =>
    `oc set data configmap/build-watcher ${variable}='${placeholder}' && oc rollout restart deployment/build-watcher`;
}
