// An executor over the executor library. A task tells its process id with TASK_RUNNING, notes that it ran, and
// ends when the file is there that its data names.
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { runExecutor } from "../../dist/executor/index.js";

await runExecutor({
  async launch(task, { running, signal }) {
    const { runs, end } = JSON.parse(String(task.data));
    appendFileSync(runs, `${task.taskId.value}\n`);
    running(Buffer.from(String(process.pid)));
    while (!existsSync(end)) await delay(20, undefined, { signal });
  },
});
process.exit(0);
