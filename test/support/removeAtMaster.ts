import { frameworkInfo } from "./messages.js";
import { MesosScheduler } from "./scheduler.js";

/** Takes the framework over by its id, past the bridge, and tears it down. */
export async function removeAtMaster(master: string, frameworkId: string, name: string): Promise<void> {
  const scheduler = new MesosScheduler({ master });
  await scheduler.subscribe(frameworkInfo({ id: { value: frameworkId }, name }));
  await scheduler.send("TEARDOWN");
  scheduler.stop();
}
