import type { FrameworkRecord } from "../session/frameworkStore.js";
import type { RestoreError } from "../session/restoreError.js";
import { shellWord } from "./shellWord.js";

interface Remembered {
  frameworks(): FrameworkRecord[];
  unusable(): RestoreError[];
}

/** What keeps a bridge from loading the data directory: one line per problem, with what to do. */
export function restoreProblems(store: Remembered, dataDir: string): string[] {
  const unreadable = store.unusable().map((error) => unreadableProblem(error, dataDir));
  return [...unreadable, ...sharedIdProblems(store.frameworks(), dataDir)];
}

export function unreadableProblem({ message, frameworkName }: RestoreError, dataDir: string): string {
  return `${message}. Restore a copy of ${dataDir}, or forget the framework with ${forgetCommand(frameworkName, dataDir)}`;
}

/** Two sessions with one id would keep taking the subscription from each other. */
function sharedIdProblems(records: readonly FrameworkRecord[], dataDir: string): string[] {
  const namesOf = new Map<string, string[]>();
  for (const { frameworkId, frameworkName } of records) {
    const names = namesOf.get(frameworkId);
    if (names) names.push(frameworkName);
    else namesOf.set(frameworkId, [frameworkName]);
  }
  return Array.from(namesOf)
    .filter(([, names]) => names.length > 1)
    .map(([frameworkId, names]) => {
      const commands = names.map((name) => forgetCommand(name, dataDir)).join(" or ");
      return (
        `the frameworks ${names.map((name) => `'${name}'`).join(" and ")} have the same framework id ${frameworkId}, ` +
        `which belongs to only one of them: keep that one, and forget the other with ${commands}`
      );
    });
}

/** A command that can be copied from a line of text into a shell. */
function forgetCommand(frameworkName: string, dataDir: string): string {
  const name = shellWord(frameworkName);
  const dir = shellWord(dataDir);
  const rest = name.startsWith("-") ? `--data-dir ${dir} -- ${name}` : `${name} --data-dir ${dir}`;
  const command = `mesos-bridge frameworks forget ${rest}`;
  return command.includes("'") ? `\`${command}\`` : `'${command}'`;
}
