// Completion for zsh. Pure.
import type { Place } from "./words.ts";

export function zshCompletion(places: readonly Place[]): string {
  return [
    "#compdef sluice",
    "# Completion of sluice for zsh. Made by: sluice completion zsh",
    "_sluice() {",
    "  local place='' index",
    "  local -a choices",
    "  for ((index = 2; index < CURRENT; index++)); do",
    `    case "$place \${words[index]}" in`,
    ...places.flatMap(({ key, next }) => next.map(({ word, key: to }) => `      '${key} ${word}') place='${to}' ;;`)),
    "    esac",
    "  done",
    `  case "$place \${words[CURRENT-1]}" in`,
    ...places.flatMap(({ key, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ word, choices }) => `    '${key} ${word}') ${valueAct(choices)}; return ;;`),
    ),
    "  esac",
    '  case "$place" in',
    ...places.map(({ key, next, options }) => {
      const words = [...next, ...options].map(({ word, about }) => quote(`${word}:${about}`));
      return `    '${key}') choices=(${words.join(" ")}) ;;`;
    }),
    "  esac",
    "  _describe command choices || _files",
    "}",
    "compdef _sluice sluice",
  ].join("\n");
}

function valueAct(choices: readonly string[]): string {
  return choices.length === 0 ? "_files" : `choices=(${choices.map(quote).join(" ")}); _describe value choices`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
