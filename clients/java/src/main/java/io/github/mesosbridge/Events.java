package io.github.mesosbridge;

import com.google.protobuf.Timestamp;
import io.github.mesosbridge.v1.AttachmentRole;
import io.github.mesosbridge.v1.LinkState;
import io.github.mesosbridge.v1.Opened;
import io.github.mesosbridge.v1.SessionEvent;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.mesos.v1.scheduler.Protos;

/** Makes what a scheduler sees of what the bridge sends. */
final class Events {
  private Events() {}

  /** Empty for signs of life and for what this version does not know. */
  static Optional<Event> of(SessionEvent event) {
    String token = event.getAckToken();
    Timestamp time = event.getReceiveTime();
    Event.Stamp stamp =
        new Event.Stamp(
            event.getSequence(),
            Instant.ofEpochSecond(time.getSeconds(), time.getNanos()),
            token.isEmpty() ? Optional.empty() : Optional.of(token));
    return switch (event.getEventCase()) {
      case OPENED ->
          Optional.of(
              event.getOpened().getRole() == AttachmentRole.ATTACHMENT_ROLE_STANDBY
                  ? standby(stamp, event.getOpened())
                  : opened(stamp, event.getOpened()));
      case PROMOTED -> Optional.of(opened(stamp, event.getPromoted().getOpened()));
      case MESOS -> Optional.ofNullable(mesos(stamp, event.getMesos(), event.getFragment()));
      case PROGRESS ->
          event.getProgress().getSnapshotEnd()
              ? Optional.of(new Event.SnapshotEnd(stamp))
              : Optional.empty();
      case TASKS -> Optional.of(new Event.Tasks(stamp, event.getTasks().getTasksList()));
      case LINK_CHANGED -> Optional.of(linkChanged(stamp, event.getLinkChanged()));
      default -> Optional.empty();
    };
  }

  private static Event standby(Event.Stamp stamp, Opened opened) {
    return new Event.Standby(stamp, frameworkId(opened), isLinked(opened));
  }

  private static Event opened(Event.Stamp stamp, Opened opened) {
    return new Event.Opened(
        stamp,
        opened.getAttachmentId(),
        frameworkId(opened),
        opened.getResumed(),
        Durations.of(opened.getLease()),
        opened.getFrameworkInfo(),
        opened.getDefaultedFieldsList(),
        isLinked(opened),
        Durations.of(opened.getProgressInterval()),
        0);
  }

  private static Optional<String> frameworkId(Opened opened) {
    String id = opened.getFrameworkId().getValue();
    return id.isEmpty() ? Optional.empty() : Optional.of(id);
  }

  private static boolean isLinked(Opened opened) {
    return opened.getLinkState() == LinkState.LINK_STATE_CONNECTED;
  }

  private static Event linkChanged(Event.Stamp stamp, io.github.mesosbridge.v1.LinkChanged change) {
    boolean linked = change.getState() == LinkState.LINK_STATE_CONNECTED;
    return new Event.LinkChanged(stamp, linked, change.getReason(), change.getMaster());
  }

  /** Null for what this version does not know. */
  private static Event mesos(Event.Stamp stamp, Protos.Event event, boolean fragment) {
    return switch (event.getType()) {
      case SUBSCRIBED ->
          new Event.Subscribed(
              stamp,
              event.getSubscribed().getFrameworkId().getValue(),
              event.getSubscribed().getMasterInfo());
      case OFFERS -> new Event.Offers(stamp, event.getOffers().getOffersList(), fragment);
      case RESCIND -> new Event.Rescind(stamp, event.getRescind().getOfferId().getValue());
      case INVERSE_OFFERS ->
          new Event.InverseOffers(stamp, event.getInverseOffers().getInverseOffersList());
      case RESCIND_INVERSE_OFFER ->
          new Event.RescindInverseOffer(
              stamp, event.getRescindInverseOffer().getInverseOfferId().getValue());
      case UPDATE -> new Event.Update(stamp, event.getUpdate().getStatus());
      case UPDATE_OPERATION_STATUS ->
          new Event.OperationUpdate(stamp, event.getUpdateOperationStatus().getStatus());
      case MESSAGE ->
          new Event.Message(
              stamp,
              event.getMessage().getAgentId().getValue(),
              event.getMessage().getExecutorId().getValue(),
              event.getMessage().getData());
      case FAILURE -> failure(stamp, event.getFailure());
      case ERROR -> new Event.MesosError(stamp, event.getError().getMessage());
      default -> null;
    };
  }

  private static Event failure(Event.Stamp stamp, Protos.Event.Failure failure) {
    return new Event.Failure(
        stamp,
        failure.hasAgentId() ? Optional.of(failure.getAgentId().getValue()) : Optional.empty(),
        failure.hasExecutorId()
            ? Optional.of(failure.getExecutorId().getValue())
            : Optional.empty(),
        failure.hasStatus() ? OptionalInt.of(failure.getStatus()) : OptionalInt.empty());
  }
}
