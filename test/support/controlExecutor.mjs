// The executor process of the tests. An agent starts it; it tells the test its environment, and does what the test
// says: `exit N`, `kill SIGNAL` (itself), `output TEXT`. The test speaks the executor API in its place. It ends when
// the test goes away.
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [host, port, name] = process.argv.slice(2);
const socket = connect(Number(port), host);
const commands = {
  exit: (status) => process.exit(Number(status)),
  kill: (signal) => process.kill(process.pid, signal),
  output: (text) => process.stdout.write(`${text}\n`),
};
socket.on("connect", () => {
  const { env, pid, argv } = process;
  socket.write(`${JSON.stringify({ name, env, pid, argv, cwd: process.cwd() })}\n`);
});
socket.on("error", () => process.exit(70));
socket.on("close", () => process.exit(71));
// Mesos asks an executor to end by an event; that one ignores a signal is its own affair.
process.on("SIGTERM", () => socket.write(`${JSON.stringify({ signal: "SIGTERM" })}\n`));
createInterface({ input: socket }).on("line", (line) => {
  const [command, argument] = line.split(/ (.*)/);
  commands[command]?.(argument);
});
