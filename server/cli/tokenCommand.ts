import { Command } from "commander";
import { errorText } from "../../wire/errorText.js";
import { checkTokenName, newToken, tokenHash } from "../access/tokenList.js";
import { USAGE_ERROR } from "./runProgram.js";

/** `token`: makes tokens for clients. */
export function tokenCommand(): Command {
  const command = new Command("token").description("Makes tokens for clients, for serve --client-tokens.");
  command
    .command("new <name>")
    .description("Makes a token. Prints the token, and then the line for the file of serve --client-tokens.")
    .addHelpText(
      "after",
      "\nThe token is stored nowhere: give it to the client at once.\n\nExample:\n  mesos-bridge token new ci",
    )
    .action((name: string) => {
      try {
        checkTokenName(name);
      } catch (error) {
        process.stderr.write(`mesos-bridge token new: '${name}' ${errorText(error)}\n`);
        process.exitCode = USAGE_ERROR;
        return;
      }
      const token = newToken();
      process.stdout.write(`${token}\n${name} ${tokenHash(token).toString("hex")}\n`);
      process.stderr.write(
        "The first line is the token, for the client. The second goes into the file of --client-tokens.\n",
      );
    });
  return command;
}
