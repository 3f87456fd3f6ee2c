/**
 * How many calls a second the validator checks, in one thread:
 *
 *     npm run build && node dist/bench/validation.js [SECONDS]
 */
import { readFileSync } from "node:fs";
import { Call, Call_Type } from "../gen/mesos/v1/scheduler/scheduler.js";
import { createValidator } from "../server/validation/validator.js";

interface ValidationFigures {
  readonly call: string;
  readonly bytes: number;
  /** A second of processor time, so that others on the machine don't count. */
  readonly callsPerSecond: number;
  /** What a call leaves for the garbage collector. */
  readonly heapBytesPerCall: number;
}

const CALLS_A_TURN = 1000;
const WARM_UP_MS = 300;

const task = (n: number) => ({
  name: "task",
  taskId: { value: `task-${n}` },
  agentId: { value: "5b2c8f0e-7d4a-4b7e-9f00-1a2b3c4d5e6f-S1" },
  resources: [
    { name: "cpus", type: 0, scalar: { value: 0.1 } },
    { name: "mem", type: 0, scalar: { value: 32 } },
  ],
  command: { value: "sleep 1" },
});

const calls: Record<string, Uint8Array> = {
  ACKNOWLEDGE: encode({
    type: Call_Type.ACKNOWLEDGE,
    acknowledge: {
      agentId: { value: "5b2c8f0e-7d4a-4b7e-9f00-1a2b3c4d5e6f-S1" },
      taskId: { value: "task-1" },
      uuid: Buffer.alloc(16, 0x44),
    },
  }),
  "LAUNCH of two tasks": encode({
    type: Call_Type.ACCEPT,
    accept: {
      offerIds: [{ value: "5b2c8f0e-7d4a-4b7e-9f00-1a2b3c4d5e6f-O17" }],
      operations: [{ type: 1, launch: { taskInfos: [task(1), task(2)] } }],
      filters: { refuseSeconds: 5 },
    },
  }),
};

function encode(call: Parameters<typeof Call.fromPartial>[0]): Uint8Array {
  return Call.encode(Call.fromPartial(call)).finish();
}

function measure(seconds: number): ValidationFigures[] {
  const validator = createValidator(readFileSync("gen/descriptors.binpb"));
  const validate = (bytes: Uint8Array) => validator.validate("mesos.v1.scheduler.Call", bytes).length;
  return Object.entries(calls).map(([call, bytes]) => {
    if (validate(bytes) > 0) throw new Error(`${call} is refused`);
    repeat(WARM_UP_MS, () => validate(bytes));
    const heap = process.memoryUsage().heapUsed;
    const before = process.cpuUsage();
    const turns = repeat(seconds * 1000, () => validate(bytes));
    const { user, system } = process.cpuUsage(before);
    const grown = Math.max(0, process.memoryUsage().heapUsed - heap);
    const count = turns * CALLS_A_TURN;
    return {
      call,
      bytes: bytes.length,
      callsPerSecond: Math.round(count / ((user + system) / 1e6)),
      heapBytesPerCall: Math.round(grown / count),
    };
  });
}

/** Runs again and again for that long, and gives how many thousand times it was. */
function repeat(ms: number, run: () => void): number {
  const end = performance.now() + ms;
  let turns = 0;
  for (; performance.now() < end; turns++) for (let i = 0; i < CALLS_A_TURN; i++) run();
  return turns;
}

const seconds = Number(process.argv[2] ?? 2);
for (const figures of measure(seconds)) process.stdout.write(`${JSON.stringify(figures)}\n`);
