// Completion for fish. Pure.
import type { Place } from "./words.ts";

export function fishCompletion(places: readonly Place[]): string {
  return [
    "# Completion of sluice for fish. Made by: sluice completion fish",
    "function __sluice_place",
    "  set -l place ''",
    "  for word in (commandline -opc)[2..-1]",
    '    switch "$place $word"',
    ...places.flatMap(({ key, next }) =>
      next.map(({ word, key: to }) => `      case '${key} ${word}'; set place '${to}'`),
    ),
    "    end",
    "  end",
    "  echo $place",
    "end",
    "complete -c sluice -f",
    ...places.flatMap(({ key, next, options }) => {
      const here = `complete -c sluice -n 'test (__sluice_place) = ${key === "" ? '""' : key}'`;
      return [
        ...next.map(({ word, about }) => `${here} -a ${word} -d ${quote(about)}`),
        ...options.map(({ word, takesValue, choices, about }) => {
          const value = !takesValue ? "" : choices.length === 0 ? " -r -F" : ` -x -a ${quote(choices.join(" "))}`;
          return `${here} -l ${word.replace(/^--/, "")}${value} -d ${quote(about)}`;
        }),
      ];
    }),
  ].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
