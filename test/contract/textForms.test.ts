import { afterEach, expect, test } from "vitest";
import type { Offer } from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { getJson } from "../support/http.js";
import { frameworkInfo, launch, scalar, task } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const attributes = {
  hex: ["0x1f", "0x1f"],
  binary: ["0b11", "0b11"],
  exponent: ["1e3", 1000],
  tiny: ["1e-400", 0],
  huge: ["1e400", "1e400"],
  fraction: [".5", 0.5],
  point: ["5.", 5],
  plus: ["+3", 3],
  zeros: ["07", 7],
  spaced: [" hello  world ", "helloworld"],
  spacedNumber: [" 2 ", 2],
  tab: ["a\tb", "a\tb"],
  colons: ["a:b:c", "a:b:c"],
  list: ["1,2", "1,2"],
  dash: ["1-2", "1-2"],
  unit: ["-3.5x", "-3.5x"],
  round: ["x(y)z", "x(y)z"],
  touching: ["[1-2,3-4]", "[1-4]"],
  order: ["[7-8, 1-2]", "[1-2, 7-8]"],
  backwards: ["[5-1]", "[5-1]"],
  signed: ["[-1-2]", "[1-2]"],
  none: ["[]", "[]"],
  " name ": ["z", "z"],
} as const;

const cluster = {
  attributes: Object.entries(attributes)
    .map(([name, [text]]) => `${name}:${text}`)
    .join(";;"),
  resources: "cpus:1.0001;mem:512.55555;disk:100",
  flags: { allocation_interval: "50ms" },
};

describeEachMesos("the text forms of an agent's attributes and resources", cluster, (mesos) => {
  const scheduler = () => new MesosScheduler(mesos());
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const each of schedulers.splice(0)) {
      await each.call("TEARDOWN");
      each.stop();
    }
  });

  async function subscribe(): Promise<MesosScheduler> {
    const subscribed = scheduler();
    schedulers.push(subscribed);
    await subscribed.subscribe(frameworkInfo());
    return subscribed;
  }

  const amounts = ({ resources }: Offer) => [scalar(resources, "cpus"), scalar(resources, "mem")];

  test("attributes are numbers, ranges or texts", async () => {
    const expected = Object.fromEntries(Object.entries(attributes).map(([name, [, value]]) => [name, value]));
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { attributes: object }[] };
    expect(slaves[0]?.attributes).toEqual(expected);
    const offer = await (await subscribe()).offer();
    const seen = offer.attributes.map(({ name, text, scalar: number, ranges }) => [
      name,
      text?.value ?? number?.value ?? `[${ranges?.range.map(({ begin, end }) => `${begin}-${end}`).join(", ")}]`,
    ]);
    expect(Object.fromEntries(seen)).toEqual(expected);
  });

  test("amounts have all their decimals until they are reckoned with, and three from then on", async () => {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { resources: object }[] };
    expect(slaves[0]?.resources).toMatchObject({ cpus: 1.0001, mem: 512.55555 });
    const first = await subscribe();
    const offer = await first.offer();
    expect(amounts(offer)).toEqual([1.0001, 512.55555]);
    const launched = task(offer.agentId, { command: { value: "exec sleep 1000" } });
    await first.accept([offer], [launch(launched)], 0);
    expect(amounts(await first.offer())).toEqual([0.9, 480.556]);
  });
});
