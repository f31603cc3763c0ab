export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** What can be typed after the program's name. */
export interface Words {
  readonly commands: readonly string[];
  /** The commands of `jobs`. */
  readonly jobs: readonly string[];
  readonly flags: readonly string[];
}

/** A script that a shell sources to complete commands and flags: `source <(build-watcher completion bash)`. */
export function completionScript(shell: Shell, words: Words): string {
  return shell === "fish"
    ? fishScript(words)
    : `${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}${bashScript(words)}`;
}

function bashScript({ commands, jobs, flags }: Words): string {
  return `_build_watcher() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words="${commands.join(" ")}" given
  for given in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$given" in
      jobs) words="${jobs.join(" ")}" ;;
      ${commands.filter((command) => command !== "jobs").join(" | ")}) words="" ;;
    esac
  done
  COMPREPLY=($(compgen -W "$words ${flags.join(" ")}" -- "$word"))
}
complete -o default -F _build_watcher build-watcher
`;
}

function fishScript({ commands, jobs, flags }: Words): string {
  const lines = [
    `complete -c build-watcher -n __fish_use_subcommand -a '${commands.join(" ")}'`,
    `complete -c build-watcher -n '__fish_seen_subcommand_from jobs' -a '${jobs.join(" ")}'`,
    ...flags.map((flag) => `complete -c build-watcher -l ${flag.replace(/^--/, "")}`),
  ];
  return `${lines.join("\n")}\n`;
}
