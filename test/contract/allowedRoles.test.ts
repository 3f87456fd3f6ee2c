import { describe, expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { type RawAnswer, send } from "../support/http.js";
import { operate, quota, rolesOf, updateQuota } from "../support/operator.js";

const cluster = { resources: "cpus:4;mem:1024", flags: { roles: "a,keeper,x/y" } };
const answer = ({ status, text }: RawAnswer) => [status, text];

/** A master that knows certain roles only: its flag `--roles`. */
describeEachMesos("the roles that are allowed", cluster, (mesos) => {
  test("are shown, with those above them", async () => {
    expect(Object.keys(await rolesOf(mesos().master)).sort()).toEqual(["*", "a", "x", "x/y"]);
  });

  test("are those that UPDATE_QUOTA takes", async () => {
    const update = async (...configs: object[]) => answer(await updateQuota(mesos().master, configs));
    const refused = (role: string) => [400, `Invalid QuotaConfig: '${role}' is not on the roles whitelist`];
    const negative = (role: string) => quota(role, { limits: { cpus: -1 } });
    for (const role of ["b", "b c", "a/b", "x", ""]) expect(await update(negative(role))).toEqual(refused(role));
    expect(await update(quota("b"), negative("a"))).toEqual(refused("b"));
    expect(await update(negative("a"), quota("b"))).toEqual([400, expect.stringContaining("Negative values")]);
    expect(await update(quota("x/y"))).toEqual([400, "Updating quota on nested role 'x/y' is not supported yet"]);
    expect(await update(quota("a"), quota("*"))).toEqual([200, ""]);
  });

  test("are those that SET_QUOTA takes, if all else is right", async () => {
    const set = async (role: string, ...values: number[]) => {
      const guarantee = values.map((value) => ({ name: "cpus", type: "SCALAR", scalar: { value } }));
      return answer(await send(`${mesos().master}/quota`, { body: JSON.stringify({ role, guarantee }) }));
    };
    const refused = (why: string) => [400, `Failed to validate set quota request: ${why}`];
    expect(await set("b", 100)).toEqual(refused("Unknown role 'b'"));
    expect(await set("b/c", 1)).toEqual(refused("Unknown role 'b/c'"));
    expect(await set("b", 1, 1)).toEqual(refused("QuotaInfo contains duplicate resource name 'cpus'"));
    expect(await set("x/y", 0)).toEqual([400, "Setting quota on nested role 'x/y' is not supported yet"]);
    expect(await set("keeper", 0)).toEqual([200, ""]);
  });

  test("are those that DELETE takes", async () => {
    const remove = async (role: string) => answer(await send(`${mesos().master}/quota/${role}`, { method: "DELETE" }));
    const path = "for path '/master/quota/";
    expect(await remove("b")).toEqual([400, `Failed to validate remove quota request ${path}b': Unknown role 'b'`]);
    expect(await remove("x/y")).toEqual([400, `Failed to remove quota ${path}x/y': Role 'x/y' has no quota set`]);
  });

  describe("are those that weights are for", () => {
    test.each<[string, number, string]>([
      ["b", -1, ": Unknown role 'b'"],
      [" x ", 1, ": Unknown role 'x'"],
      ["b c", 1, ": Invalid role 'b c': Role component 'b c' is invalid because it contains backspace or whitespace"],
    ])("not '%s' with %d", async (role, weight, text) => {
      const update = {
        type: "UPDATE_WEIGHTS",
        update_weights: {
          weight_infos: [
            { role: "a", weight: 1 },
            { role, weight },
          ],
        },
      };
      const refused = [400, `Failed to validate update weights request JSON${text}`];
      expect(answer(await operate(mesos().master, update))).toEqual(refused);
    });

    test("but '*'", async () => {
      const body = JSON.stringify([{ role: "*", weight: 2 }]);
      expect(answer(await send(`${mesos().master}/weights`, { method: "PUT", body }))).toEqual([200, ""]);
    });
  });
});
