package io.github.mesosbridge.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import io.github.mesosbridge.BridgeException;
import io.github.mesosbridge.Event;
import io.github.mesosbridge.Outcome;
import io.github.mesosbridge.v1.OpenTask;
import io.github.mesosbridge.v1.StateEntry;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.mesos.v1.Protos.InverseOffer;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.OperationStatus;
import org.apache.mesos.v1.Protos.Resource;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.apache.mesos.v1.Protos.Unavailability;
import org.apache.mesos.v1.Protos.Value;

/**
 * Events, errors and results as the conformance cases write them: 64-bit numbers as text, bytes in base64, null for
 * nothing.
 */
final class Printed {
  private final JsonObject json = new JsonObject();

  private Printed() {}

  static JsonObject event(Event event) {
    Printed printed = new Printed();
    if (event instanceof Event.OfSession of) {
      printed
          .with("sequence", Long.toUnsignedString(of.stamp().sequence()))
          .with("ackToken", of.stamp().ackToken());
    }
    return printed.body(event).json;
  }

  private Printed body(Event event) {
    if (event instanceof Event.Opened e) {
      return with("kind", "opened")
          .with("attachmentId", e.attachmentId())
          .with("frameworkId", e.frameworkId())
          .with("resumed", e.resumed())
          .with("linked", e.linked())
          .with("leaseMs", e.lease().toMillis())
          .with("defaultedFields", list(e.defaultedFields(), JsonPrimitive::new));
    } else if (event instanceof Event.Standby e) {
      return with("kind", "standby").with("frameworkId", e.frameworkId()).with("linked", e.linked());
    } else if (event instanceof Event.Subscribed e) {
      return with("kind", "subscribed").with("frameworkId", e.frameworkId());
    } else if (event instanceof Event.Offers e) {
      return with("kind", "offers")
          .with("fragment", e.fragment())
          .with("offers", list(e.offers(), Printed::offer));
    } else if (event instanceof Event.Rescind e) {
      return with("kind", "rescind").with("offerId", e.offerId());
    } else if (event instanceof Event.InverseOffers e) {
      Function<InverseOffer, JsonElement> id = offer -> new JsonPrimitive(offer.getId().getValue());
      return with("kind", "inverse-offers").with("ids", list(e.inverseOffers(), id));
    } else if (event instanceof Event.RescindInverseOffer e) {
      return with("kind", "rescind-inverse-offer").with("inverseOfferId", e.inverseOfferId());
    } else if (event instanceof Event.Update e) {
      return with("kind", "update").status(e.status());
    } else if (event instanceof Event.OperationUpdate e) {
      OperationStatus status = e.status();
      return with("kind", "operation-update")
          .with("operationId", when(status.hasOperationId(), status.getOperationId().getValue()))
          .with("state", status.hasState() ? status.getState().name() : "unknown");
    } else {
      return otherBody(event);
    }
  }

  private Printed otherBody(Event event) {
    if (event instanceof Event.Message e) {
      return with("kind", "message")
          .with("agentId", e.agentId())
          .with("executorId", e.executorId())
          .with("data", base64(e.data()));
    } else if (event instanceof Event.Failure e) {
      return with("kind", "failure")
          .with("agentId", e.agentId())
          .with("executorId", e.executorId())
          .with("status", e.status().isPresent() ? e.status().getAsInt() : null);
    } else if (event instanceof Event.MesosError e) {
      return with("kind", "mesos-error").with("message", e.message());
    } else if (event instanceof Event.LinkChanged e) {
      return with("kind", "link-changed")
          .with("linked", e.linked())
          .with("reason", e.reason())
          .with("master", e.master());
    } else if (event instanceof Event.Tasks e) {
      return with("kind", "tasks").with("tasks", list(e.tasks(), Printed::task));
    } else if (event instanceof Event.SnapshotEnd) {
      return with("kind", "snapshot-end");
    } else if (event instanceof Event.Detached e) {
      return with("kind", "detached").with("attempt", e.attempt()).with("error", error(e.error()));
    } else if (event instanceof Event.Gap e) {
      return with("kind", "gap").with("missing", Long.toUnsignedString(e.missing()));
    } else if (event instanceof Event.AcknowledgementRefused e) {
      return with("kind", "acknowledgement-refused")
          .with("ackToken", e.refusedToken())
          .with("error", error(e.error()));
    }
    return with("kind", "unknown");
  }

  static JsonObject error(BridgeException error) {
    JsonObject metadata = new JsonObject();
    error.metadata().forEach(metadata::addProperty);
    JsonArray fields = new JsonArray();
    for (BridgeException.FieldViolation violation : error.fieldViolations()) {
      fields.add(
          new Printed()
              .with("field", violation.field())
              .with("description", violation.description())
              .json);
    }
    return new Printed()
        .with("code", error.code().value())
        .with("reason", error.reason())
        .with("message", error.getMessage())
        .with("metadata", metadata)
        .with("fields", fields)
        .with("retryDelayMs", error.retryDelay().toMillis())
        .with("retryable", error.isRetryable())
        .with("outcomeUnknown", error.isOutcomeUnknown())
        .json;
  }

  static JsonElement entry(StateEntry entry) {
    return new Printed()
        .with("key", entry.getKey())
        .with("value", base64(entry.getValue()))
        .with("version", Long.toUnsignedString(entry.getVersion()))
        .json;
  }

  static JsonElement entries(List<StateEntry> entries) {
    return new Printed().with("entries", list(entries, Printed::entry)).json;
  }

  static JsonElement version(String name, long version) {
    return new Printed().with(name, Long.toUnsignedString(version)).json;
  }

  private static JsonElement task(OpenTask task) {
    String state = task.getStatus().hasState() ? task.getStatus().getState().name() : "unknown";
    return new Printed()
        .with("taskId", when(task.hasTaskId(), task.getTaskId().getValue()))
        .with("agentId", when(task.hasAgentId(), task.getAgentId().getValue()))
        .with("state", when(task.hasStatus(), state))
        .with("cookie", base64(task.getCookie()))
        .with("unconfirmed", task.getUnconfirmed())
        .json;
  }

  private Printed status(TaskStatus status) {
    // What is set to a value that this version does not know is among the unknown fields: TaskStatus.reason is field 10.
    boolean unknownReason = !status.hasReason() && status.getUnknownFields().hasField(10);
    return with("taskId", status.getTaskId().getValue())
        .with("state", status.hasState() ? status.getState().name() : "unknown")
        .with("reason", unknownReason ? "unknown" : when(status.hasReason(), status.getReason().name()))
        .with("outcome", Outcome.of(status).toString())
        .with("message", when(status.hasMessage(), status.getMessage()))
        .with("healthy", when(status.hasHealthy(), status.getHealthy()))
        .with("timestamp", when(status.hasTimestamp(), status.getTimestamp()))
        .with("data", when(status.hasData(), base64(status.getData())));
  }

  private static JsonElement offer(Offer offer) {
    int textBytes =
        offer.getAttributesList().stream()
            .mapToInt(attribute -> attribute.getText().getValueBytes().size())
            .sum();
    return new Printed()
        .with("id", offer.getId().getValue())
        .with("agentId", offer.getAgentId().getValue())
        .with("hostname", offer.getHostname())
        .with("resources", list(offer.getResourcesList(), Printed::resource))
        .with("textBytes", textBytes)
        .with("unavailability", when(offer.hasUnavailability(), span(offer.getUnavailability())))
        .json;
  }

  private static JsonElement span(Unavailability span) {
    String duration = Long.toString(span.getDuration().getNanoseconds());
    return new Printed()
        .with("start", Long.toString(span.getStart().getNanoseconds()))
        .with("duration", when(span.hasDuration(), duration))
        .json;
  }

  private static JsonElement resource(Resource resource) {
    Function<Value.Range, JsonElement> range =
        r ->
            new Printed()
                .with("begin", Long.toUnsignedString(r.getBegin()))
                .with("end", Long.toUnsignedString(r.getEnd()))
                .json;
    return new Printed()
        .with("name", resource.getName())
        .with("scalar", when(resource.hasScalar(), resource.getScalar().getValue()))
        .with("ranges", list(resource.getRanges().getRangeList(), range))
        .with("set", list(resource.getSet().getItemList(), JsonPrimitive::new))
        .json;
  }

  private static Object when(boolean present, Object value) {
    return present ? value : null;
  }

  private static String base64(ByteString bytes) {
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }

  private static <T> JsonArray list(List<T> items, Function<T, JsonElement> print) {
    JsonArray all = new JsonArray();
    items.forEach(item -> all.add(print.apply(item)));
    return all;
  }

  private Printed with(String name, Object value) {
    if (value instanceof Optional<?> optional) {
      return with(name, optional.orElse(null));
    } else if (value == null) {
      json.add(name, JsonNull.INSTANCE);
    } else if (value instanceof JsonElement element) {
      json.add(name, element);
    } else if (value instanceof Boolean flag) {
      json.addProperty(name, flag);
    } else if (value instanceof Number number) {
      json.addProperty(name, number);
    } else {
      json.addProperty(name, value.toString());
    }
    return this;
  }
}
