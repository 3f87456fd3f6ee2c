#!/usr/bin/env node
// The first step: a framework that subscribes, prints what it is offered, and declines.
// Copy it to start your own scheduler.

import type { Offer } from "../../../gen/mesos/v1/mesos.js";
import {
  type CommonOptions,
  endOnInterrupt,
  mesosTroubleLine,
  runProgram,
  schedulerCommand,
  schedulerOptions,
  wholeNumber,
} from "../library/program.js";
import { Scheduler } from "../library/scheduler.js";

const command = schedulerCommand(
  "template",
  "Subscribes to Mesos through the bridge, prints the offers that come, and declines them, until Ctrl-C.",
  "node dist/clients/typescript/template/main.js --bridge 127.0.0.1:50051 --offers 3",
).option("--offers <n>", "exit after this many offers", wholeNumber(1));

async function main(): Promise<number> {
  const options = command.opts<CommonOptions & { offers?: number }>();
  const scheduler = new Scheduler({ ...schedulerOptions(options), log: console.error, replaceRemoved: true });
  const interrupted = endOnInterrupt(scheduler);

  try {
    await declineAll(scheduler, options.offers ?? Number.POSITIVE_INFINITY);
  } catch (error) {
    // A call that was in progress when the framework was ended is not a separate error.
    if (!interrupted()) throw error;
  } finally {
    await scheduler.close();
  }
  return 0;
}

/** Prints offers and declines them. After so many it ends the framework. */
async function declineAll(scheduler: Scheduler, wanted: number): Promise<void> {
  let seen = 0;
  for await (const event of scheduler.events()) {
    const trouble = mesosTroubleLine(event);
    if (trouble !== undefined) console.error(trouble);
    if (event.kind === "opened")
      console.log(`attached as ${event.attachmentId}, framework ${event.frameworkId ?? "new"}`);
    if (event.kind !== "offers") continue;

    for (const offer of event.offers) console.log(describe(offer));
    // Nothing to run: decline, and refuse the same resources for the next 5 seconds.
    const ids = event.offers.map((offer) => offer.id?.value ?? "");
    await scheduler.declineOffers(ids, 5);
    seen += event.offers.length;
    if (seen >= wanted) return await scheduler.teardown();
  }
}

/** `offer …-O3 of agent host: cpus 4, mem 2048, ports 31000-32000` */
function describe(offer: Offer): string {
  const resources = offer.resources.map(({ name, scalar, ranges, set }) => {
    const ranged = ranges?.range.map(({ begin, end }) => `${begin}-${end}`).join(",");
    return `${name} ${scalar?.value ?? ranged ?? set?.item.join(",") ?? ""}`;
  });
  return `offer ${offer.id?.value} of agent ${offer.hostname}: ${resources.join(", ")}`;
}

await runProgram(command, main);
