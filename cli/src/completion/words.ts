// What may follow what on the command line: the same for every shell. Pure.
import { type CommandNode, flatten } from "../command-tree.ts";

export type Place = Readonly<{
  /** The commands so far, joined by `/`; "" at the beginning. An alias leads to the same place. */
  key: string;
  /** Commands that may follow, aliases included, each with the place it leads to. */
  next: readonly Readonly<{ word: string; key: string; about: string }>[];
  options: readonly Readonly<{ word: string; takesValue: boolean; choices: readonly string[]; about: string }>[];
}>;

const HELP = { word: "--help", takesValue: false, choices: [], about: "display help" };

export function placesOf(program: CommandNode): Place[] {
  return flatten(program).map(({ path, commands, options }) => ({
    key: path.join("/"),
    next: commands.flatMap(({ path: childPath, alias, description }) => {
      const words = [childPath.at(-1) ?? "", ...(alias === null ? [] : [alias])];
      return words.map((word) => ({ word, key: childPath.join("/"), about: description }));
    }),
    options: [
      ...options.map(({ long, takesValue, choices, description }) => {
        return { word: long, takesValue, choices, about: description };
      }),
      HELP,
    ],
  }));
}
