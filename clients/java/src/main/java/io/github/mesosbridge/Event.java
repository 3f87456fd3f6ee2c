package io.github.mesosbridge;

import com.google.protobuf.ByteString;
import io.github.mesosbridge.v1.OpenTask;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.apache.mesos.v1.Protos.InverseOffer;
import org.apache.mesos.v1.Protos.MasterInfo;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.OperationStatus;
import org.apache.mesos.v1.Protos.TaskStatus;

/** What a scheduler sees: one of the records below. Kinds may be added: ignore those that you don't know. */
public interface Event {

  /** Set when an acknowledgement is owed. It is sent once the next event is asked for. */
  default Optional<String> ackToken() {
    return Optional.empty();
  }

  /**
   * What all events of the session have.
   *
   * @param sequence contiguous within a session as long as the bridge runs, unsigned. Snapshot events repeat the last
   *     live one
   * @param receiveTime when the bridge received or made it
   * @param ackToken set when an acknowledgement is owed
   */
  record Stamp(long sequence, Instant receiveTime, Optional<String> ackToken) {}

  /** An event of the session. Detached, Gap and AcknowledgementRefused are the library's own. */
  interface OfSession extends Event {
    Stamp stamp();
  }

  /**
   * The attachment stands. With {@code resumed}, what was missed follows; else forget all offers: a snapshot follows.
   *
   * @param frameworkId the id of the framework
   * @param lease how long the session outlives its client
   * @param frameworkInfo as sent to Mesos, with the bridge's defaults filled in; {@code defaultedFields} names those
   * @param linked whether the bridge is subscribed to a master at this moment
   * @param failures how many tries failed since the attachment before; 0 for the first one at once
   */
  record Opened(
      Stamp stamp,
      String attachmentId,
      Optional<String> frameworkId,
      boolean resumed,
      Duration lease,
      FrameworkInfo frameworkInfo,
      List<String> defaultedFields,
      boolean linked,
      Duration progressInterval,
      int failures)
      implements OfSession {
    Opened afterFailures(int count) {
      return new Opened(
          stamp,
          attachmentId,
          frameworkId,
          resumed,
          lease,
          frameworkInfo,
          defaultedFields,
          linked,
          progressInterval,
          count);
    }
  }

  /**
   * The scheduler waits, because another one of the framework may be active: see {@link Options#standby}. Calls wait too.
   * {@code Opened} follows once it is active.
   *
   * @param frameworkId the id of the framework
   * @param linked whether the bridge is subscribed to a master at this moment
   */
  record Standby(Stamp stamp, Optional<String> frameworkId, boolean linked) implements OfSession {}

  /** The bridge subscribed to a master. Offers from before are void. */
  record Subscribed(Stamp stamp, String frameworkId, MasterInfo masterInfo) implements OfSession {}

  /** Offers, handed out as they come; with {@code fragment}, more pieces of the same Mesos event follow. */
  record Offers(Stamp stamp, List<Offer> offers, boolean fragment) implements OfSession {}

  /** An offer is void. */
  record Rescind(Stamp stamp, String offerId) implements OfSession {}

  /** Inverse offers (maintenance). */
  record InverseOffers(Stamp stamp, List<InverseOffer> inverseOffers) implements OfSession {}

  /** An inverse offer is void. */
  record RescindInverseOffer(Stamp stamp, String inverseOfferId) implements OfSession {}

  /**
   * The state of a task. It may come more than once. A state that this version does not know is not set: {@code
   * status.hasState()} is false.
   */
  record Update(Stamp stamp, TaskStatus status) implements OfSession {
    @Override
    public Optional<String> ackToken() {
      return stamp.ackToken();
    }
  }

  /** The state of an operation. */
  record OperationUpdate(Stamp stamp, OperationStatus status) implements OfSession {
    @Override
    public Optional<String> ackToken() {
      return stamp.ackToken();
    }
  }

  /** Bytes from an executor. */
  record Message(Stamp stamp, String agentId, String executorId, ByteString data)
      implements OfSession {}

  /** An agent is lost, or an executor has ended: then {@code status} is the raw wait status. */
  record Failure(
      Stamp stamp, Optional<String> agentId, Optional<String> executorId, OptionalInt status)
      implements OfSession {}

  /** Mesos's own ERROR. The stream ends after it. */
  record MesosError(Stamp stamp, String message) implements OfSession {}

  /**
   * The master was lost ({@code linked} false), found or changed. Offers from before are void.
   *
   * @param reason for people
   * @param master as host:port
   */
  record LinkChanged(Stamp stamp, boolean linked, String reason, String master)
      implements OfSession {}

  /**
   * Tasks that have not ended, or whose end is not acknowledged: part of the snapshot, before its offers. Several of
   * these events may come. Each task has the cookie of its launch. With {@code getUnconfirmed()} it is not known whether
   * Mesos has the task: an update will tell.
   */
  record Tasks(Stamp stamp, List<OpenTask> tasks) implements OfSession {}

  /** All that was open when it attached has been handed out. */
  record SnapshotEnd(Stamp stamp) implements OfSession {}

  /**
   * The stream broke, or could not be opened. The scheduler attaches again by itself.
   *
   * @param attempt 1 for the first failure in a row
   */
  record Detached(BridgeException error, int attempt, Duration retryIn) implements Event {}

  /** Events are missing: reconcile what matters. */
  record Gap(long missing) implements Event {}

  /** The bridge refused an acknowledgement for good. Mesos sends the update again. */
  record AcknowledgementRefused(String refusedToken, BridgeException error) implements Event {}
}
