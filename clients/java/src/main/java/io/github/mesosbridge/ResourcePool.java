package io.github.mesosbridge;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.mesos.v1.Protos.Resource;
import org.apache.mesos.v1.Protos.Value;

/**
 * What is left of an offer's {@code cpus} and {@code mem}. What is taken keeps role, reservation and allocation as they
 * were offered: Mesos refuses a task whose resources are not those of the offer.
 */
public final class ResourcePool {
  /** Reserved resources first: nobody else could use what would be left of them. */
  private final List<Entry> entries;

  private static final class Entry {
    final Resource resource;

    /** In thousandths, as Mesos counts: whole numbers, so that 0.1 + 0.2 is 0.3. */
    long left;

    Entry(Resource resource) {
      this.resource = resource;
      left = thousandths(resource.getScalar().getValue());
    }
  }

  /** Of an offer's resources. Revocable and shared ones are left out: they are not for tasks that want to keep them. */
  public ResourcePool(List<Resource> resources) {
    entries =
        resources.stream()
            .filter(r -> r.getType() == Value.Type.SCALAR && !r.hasRevocable() && !r.hasShared())
            .map(Entry::new)
            .sorted(Comparator.comparing(entry -> !isReserved(entry.resource)))
            .toList();
  }

  /** Takes cpus and mem (in MB) out of the pool. Empty, with nothing taken, when there is less. */
  public Optional<List<Resource>> take(double cpus, double mem) {
    if (left("cpus") < thousandths(cpus) || left("mem") < thousandths(mem)) {
      return Optional.empty();
    }
    List<Resource> taken = new ArrayList<>();
    takeOne("cpus", thousandths(cpus), taken);
    takeOne("mem", thousandths(mem), taken);
    return Optional.of(taken);
  }

  private long left(String name) {
    return entries.stream()
        .filter(entry -> entry.resource.getName().equals(name))
        .mapToLong(entry -> entry.left)
        .sum();
  }

  private void takeOne(String name, long amount, List<Resource> taken) {
    long missing = amount;
    for (Entry entry : entries) {
      long part = Math.min(entry.left, missing);
      if (!entry.resource.getName().equals(name) || part == 0) {
        continue;
      }
      entry.left -= part;
      missing -= part;
      Value.Scalar.Builder scalar = Value.Scalar.newBuilder().setValue(part / 1000.0);
      taken.add(entry.resource.toBuilder().setScalar(scalar).build());
    }
  }

  private static long thousandths(double value) {
    return Math.round(value * 1000);
  }

  @SuppressWarnings("deprecation") // Agents of old still offer resources with a role.
  private static boolean isReserved(Resource resource) {
    return resource.getReservationsCount() > 0
        || resource.hasRole() && !resource.getRole().equals("*");
  }
}
