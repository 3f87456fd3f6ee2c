import { z } from "zod";
import type { CommandInfo } from "../../../gen/mesos/v1/mesos.js";
import type { DeepPartial } from "./deepPartial.js";

const text = z.string().min(1);
const [yes, no] = [z.boolean().default(true), z.boolean().default(false)];

/** What an agent fetches before a task starts, in Marathon's JSON, with its defaults. */
export const fetchSchema = z.strictObject({
  uri: text,
  executable: no,
  extract: yes,
  cache: no,
  destPath: text.optional(),
});

/** What a task runs: a shell command, or a program with its arguments. */
export interface TaskCommand {
  cmd?: string | undefined;
  args?: readonly string[] | undefined;
  env: Readonly<Record<string, string>>;
  fetch: readonly z.infer<typeof fetchSchema>[];
}

/** The same for Mesos. */
export function commandInfo({ cmd, args = [], env, fetch }: TaskCommand): DeepPartial<CommandInfo> {
  const program =
    cmd === undefined ? { shell: false, value: args[0], arguments: [...args] } : { shell: true, value: cmd };
  const environment = { variables: Object.entries(env).map(([name, value]) => ({ name, value })) };
  const uris = fetch.map(({ uri, destPath, ...how }) => ({ value: uri, outputFile: destPath, ...how }));
  return { ...program, environment, uris };
}
