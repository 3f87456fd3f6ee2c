import { readdirSync } from "node:fs";
import { link, mkdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { expect } from "vitest";
import { getJson } from "../support/http.js";
import { at } from "../support/paths.js";

const SAMPLES = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"];

/** A folder with so many images, of a few kinds. */
export async function makePhotographs(folder: string, count: number): Promise<void> {
  await mkdir(folder);
  for (let i = 0; i < count; i++) {
    const sample = SAMPLES[i % SAMPLES.length] ?? "";
    await link(at("images", sample), join(folder, `${i}${extname(sample)}`));
  }
}

/** How many results a folder has; none before it is there. */
export function resultsIn(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => /-inverted\.\w+$/.test(name)).length;
  } catch {
    return 0;
  }
}

interface MasterState {
  frameworks: Framework[];
  completed_frameworks: Framework[];
}

interface Framework {
  id: string;
  name: string;
  tasks: Task[];
  completed_tasks: Task[];
}

interface Task {
  name: string;
  state: string;
}

/** Tells the tasks of one batch from those of the batches before it. */
export class BatchTasks {
  readonly #master: string;
  readonly #before = new Set<string>();

  private constructor(master: string) {
    this.#master = master;
  }

  /** @param master as `http://127.0.0.1:5050`, of a cluster without other batches */
  static async watch(master: string): Promise<BatchTasks> {
    const tasks = new BatchTasks(master);
    for (const { id } of await tasks.#frameworks()) tasks.#before.add(id);
    return tasks;
  }

  /**
   * That one task of each image has finished, in one framework, and that no other task was lost: one that can't fetch its
   * image while its scheduler is away fails, and its image gets another task.
   *
   * @returns how many have failed
   */
  async expectEachOnce(count: number): Promise<number> {
    const all = await this.#frameworks();
    const frameworks = all.filter(({ id, name }) => name === "photographs" && !this.#before.has(id));
    expect(frameworks).toHaveLength(1);
    const tasks = frameworks.flatMap(({ tasks, completed_tasks }) => [...tasks, ...completed_tasks]);
    const namesOf = (state: string) => tasks.filter((task) => task.state === state).map(({ name }) => name);
    const [finished, failed] = [namesOf("TASK_FINISHED"), namesOf("TASK_FAILED")];
    expect(finished).toHaveLength(count);
    expect(new Set(finished).size).toBe(count);
    expect(finished.length + failed.length).toBe(tasks.length);
    return failed.length;
  }

  async #frameworks(): Promise<Framework[]> {
    const state = (await getJson(`${this.#master}/master/state`)) as MasterState;
    return [...state.frameworks, ...state.completed_frameworks];
  }
}
