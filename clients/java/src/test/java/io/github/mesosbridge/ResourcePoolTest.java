package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.apache.mesos.v1.Protos.Resource;
import org.apache.mesos.v1.Protos.Value;
import org.junit.jupiter.api.Test;

class ResourcePoolTest {
  private static Resource.Builder scalar(String name, double value) {
    return Resource.newBuilder()
        .setName(name)
        .setType(Value.Type.SCALAR)
        .setScalar(Value.Scalar.newBuilder().setValue(value));
  }

  private static List<String> take(ResourcePool pool, double cpus, double mem) {
    return pool.take(cpus, mem).orElseThrow().stream()
        .map(r -> r.getName() + " " + r.getScalar().getValue() + " " + r.getReservationsCount())
        .toList();
  }

  @Test
  void countsInThousandthsUntilNothingIsLeft() {
    ResourcePool pool =
        new ResourcePool(List.of(scalar("cpus", 0.3).build(), scalar("mem", 96).build()));
    for (int i = 0; i < 3; i++) {
      assertEquals(List.of("cpus 0.1 0", "mem 32.0 0"), take(pool, 0.1, 32));
    }
    assertTrue(pool.take(0.1, 32).isEmpty());
  }

  @Test
  void takesNothingWhenOneOfBothIsShort() {
    ResourcePool pool =
        new ResourcePool(List.of(scalar("cpus", 1).build(), scalar("mem", 32).build()));
    assertTrue(pool.take(1, 33).isEmpty());
    assertEquals(List.of("cpus 1.0 0", "mem 32.0 0"), take(pool, 1, 32));
  }

  @Test
  void takesReservedFirstAndKeepsHowItWasOffered() {
    Resource.ReservationInfo.Builder reservation =
        Resource.ReservationInfo.newBuilder().setRole("ops");
    ResourcePool pool =
        new ResourcePool(
            List.of(
                scalar("cpus", 1).build(),
                scalar("cpus", 0.5).addReservations(reservation).build(),
                scalar("mem", 64).build()));
    assertEquals(List.of("cpus 0.5 1", "cpus 0.2 0", "mem 64.0 0"), take(pool, 0.7, 64));
  }

  @Test
  void leavesRevocableResourcesAlone() {
    Resource.RevocableInfo revocable = Resource.RevocableInfo.getDefaultInstance();
    ResourcePool pool =
        new ResourcePool(
            List.of(scalar("cpus", 4).setRevocable(revocable).build(), scalar("mem", 64).build()));
    assertTrue(pool.take(0.1, 32).isEmpty());
  }
}
