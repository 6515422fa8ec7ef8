// Completion for bash, 3.2 or newer. Pure.
import type { Place } from "./words.ts";

export function bashCompletion(places: readonly Place[]): string {
  return [
    "# Completion of sluice for bash. Made by: sluice completion bash",
    "_sluice() {",
    "  local place='' words='' previous=\"$3\" index",
    "  for ((index = 1; index < COMP_CWORD; index++)); do",
    `    case "$place \${COMP_WORDS[index]}" in`,
    ...places.flatMap(({ key, next }) => next.map(({ word, key: to }) => `      '${key} ${word}') place='${to}' ;;`)),
    "    esac",
    "  done",
    '  case "$place $previous" in',
    ...places.flatMap(({ key, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ word, choices }) => `    '${key} ${word}') words='${choices.join(" ")}' ;;`),
    ),
    '    *) case "$place" in',
    ...places.map(({ key, next, options }) => {
      return `      '${key}') words='${[...next, ...options].map(({ word }) => word).join(" ")}' ;;`;
    }),
    "    esac ;;",
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$2"))',
    "}",
    "complete -o default -F _sluice sluice",
  ].join("\n");
}
