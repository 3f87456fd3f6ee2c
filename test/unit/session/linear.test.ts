import { describe, expect, test, vi } from "vitest";
import { readAckToken, taskAckToken } from "../../../server/mesos/messages/acknowledgements.js";
import {
  completeFrameworkInfo,
  rolesOf,
  subscribeCall,
  updatedFields,
} from "../../../server/mesos/messages/frameworkInfo.js";
import { OpenOffers } from "../../../server/session/openOffers.js";
import { Queue } from "../../../server/session/queue.js";
import { type CallAnswer, RequestMemory } from "../../../server/session/requestMemory.js";
import { Suppression } from "../../../server/session/suppression.js";
import { UnacknowledgedUpdates } from "../../../server/session/unacknowledgedUpdates.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { expectLinear, GROWTH_TIMEOUT_MS } from "../../support/growth.js";
import { collidingFields } from "./collidingFields.js";
import { offer, status } from "./samples.js";

vi.setConfig({ testTimeout: GROWTH_TIMEOUT_MS });

const names = (count: number) => Array.from({ length: count }, (_, i) => `name-${i}`);
/** So long that V8 hashes them by their length alone. */
const longNames = (count: number) => Array.from({ length: count }, (_, i) => "x".repeat(17_000) + (10_000 + i));

describe("a framework's roles take time by their number", () => {
  test.each([
    ["many", names, 5_000],
    ["long", longNames, 100],
  ])("where they are suppressed: %s", (_, make, size) => {
    expectLinear("suppression", size, (count) => {
      const roles = make(count);
      return () => {
        const suppression = new Suppression(roles, roles);
        suppression.suppressed(roles);
        expect(suppression.subscribing().length).toBe(count);
        suppression.subscribed();
        suppression.reset([]);
        const { revive } = suppression.changes();
        expect(revive.length).toBe(count);
        suppression.answered(suppression.tell(revive, false), false);
        suppression.revived(roles);
        suppression.updated(roles, roles);
        suppression.replaced(roles, roles);
        expect(suppression.subscribeRoles().length).toBe(count);
      };
    });
  });

  test("where they are read and written", () => {
    const multiRole = lengthDelimited(10, varintField(1, 6));
    expectLinear("roles", 5_000, (count) => {
      const roles = names(count);
      const info = Buffer.concat([multiRole, ...roles.map((role) => stringField(12, role))]);
      const update = Buffer.concat([lengthDelimited(1, info), ...roles.map((role) => stringField(2, role))]);
      return () => {
        const { bytes } = completeFrameworkInfo(info, "name", "principal");
        expect(rolesOf(bytes).length).toBe(count);
        const { frameworkInfo, suppressedRoles, offerConstraints } = updatedFields(update);
        subscribeCall({ frameworkId: "id", frameworkInfo, suppressedRoles, offerConstraints });
      };
    });
  });
});

test("a framework in many pieces takes time by their number", () => {
  const piece = lengthDelimited(1, stringField(2, "name"));
  expectLinear("pieces", 5_000, (count) => {
    const update = Buffer.alloc(count * piece.length, piece);
    const id = messageField(3, [stringField(1, "id")]);
    const info = Buffer.alloc(count * id.length, id);
    return () => {
      expect(updatedFields(update).frameworkInfo.length).toBe(count * (piece.length - 2));
      completeFrameworkInfo(info, "name", undefined);
    };
  });
});

test("a framework with fields of numbers that V8 hashes alike takes time by their number", () => {
  const fields = collidingFields(6_000);
  expectLinear("fields", 1_500, (count) => {
    const info = Buffer.concat(fields.slice(0, count));
    return () => completeFrameworkInfo(info, "name", undefined);
  });
});

test("open offers take time by their number", () => {
  expectLinear("offers", 2_000, (count) => {
    const views = names(count).map((name) => offer(name));
    return () => {
      const open = new OpenOffers("offers");
      open.add(views, undefined);
      open.use(views.map(({ id }) => id)).putBack();
      expect(open.pieces(open.values()).length).toBeGreaterThan(0);
      expect(open.clear().length).toBe(count);
    };
  });
});

test("tokens take time by their length", () => {
  expectLinear("a token", 100_000, (length) => {
    const token = taskAckToken(
      status({ taskId: { value: "t".repeat(length) }, agentId: { value: "a" }, uuid: Buffer.alloc(16, 0x41) }),
    );
    return () => expect(readAckToken(token)).toBeDefined();
  });
});

describe("what is remembered takes no longer to forget than to keep", () => {
  // Far more than is remembered: to forget costs more than to keep, so both sizes have to forget almost all.
  const ok: CallAnswer = { error: undefined, gone: 0 };

  test("of requests", () => {
    expectLinear("requests", 100_000, (count) => () => {
      const memory = new RequestMemory(performance);
      for (let i = 0; i < count; i++) {
        memory.begin(`id-${i}`, i, () => {});
        memory.answered(`id-${i}`, ok);
      }
    });
  });

  test("of acknowledgements", () => {
    expectLinear("acknowledgements", 100_000, (count) => () => {
      const unacknowledged = new UnacknowledgedUpdates();
      for (let i = 0; i < count; i++) unacknowledged.acknowledged(`key-${i}`);
    });
  });

  test("of what waits", () => {
    expectLinear("a queue", 20_000, (count) => () => {
      const queue = new Queue<{ i: number }>();
      for (let i = 0; i < count; i++) queue.push({ i });
      while (queue.size > 0) queue.shift();
    });
  });
});
