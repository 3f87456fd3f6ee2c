package io.github.mesosbridge.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import io.github.mesosbridge.BridgeException;
import io.github.mesosbridge.Event;
import io.github.mesosbridge.Options;
import io.github.mesosbridge.ResourcePool;
import io.github.mesosbridge.Scheduler;
import io.github.mesosbridge.Tls;
import io.github.mesosbridge.TokenSource;
import io.github.mesosbridge.v1.DeclineOffersRequest;
import io.github.mesosbridge.v1.ExpiryPolicy;
import io.github.mesosbridge.v1.KillTaskRequest;
import io.github.mesosbridge.v1.LaunchTasksRequest;
import io.github.mesosbridge.v1.ReconcileTasksRequest;
import io.github.mesosbridge.v1.StateChange;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.StreamSupport;
import org.apache.mesos.v1.Protos.CommandInfo;
import org.apache.mesos.v1.Protos.Filters;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskInfo;
import org.apache.mesos.v1.scheduler.Protos.Call;

/** The conformance driver of the Java client: test/conformance/README.md describes drivers. */
public final class Conformance {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();

  /** How the loop continues after an event. */
  private enum Next {
    EVENT,
    END_HANDLED,
    END_UNHANDLED
  }

  private final JsonObject input;
  private final Scheduler scheduler;
  private final JsonArray events = new JsonArray();
  private final JsonArray calls = new JsonArray();

  private Conformance(JsonObject input) {
    this.input = input;
    this.scheduler = Scheduler.connect(options(input));
  }

  /** Answers every line of the input with a line, side by side. */
  public static void main(String[] arguments) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonObject input = GSON.fromJson(line, JsonObject.class);
      new Thread(() -> output.println(GSON.toJson(answer(input)))).start();
    }
  }

  private static JsonObject answer(JsonObject input) {
    JsonObject answer = new JsonObject();
    try {
      answer = new Conformance(input).run();
    } catch (IllegalArgumentException refused) {
      answer.addProperty("failure", refused.getMessage());
    } catch (InterruptedException | RuntimeException failure) {
      StringWriter text = new StringWriter();
      failure.printStackTrace(new PrintWriter(text));
      answer.addProperty("failure", text.toString());
    }
    answer.add("run", input.get("run"));
    return answer;
  }

  private JsonObject run() throws InterruptedException {
    JsonElement error = JsonNull.INSTANCE;
    try {
      loop();
    } catch (BridgeException end) {
      error = Printed.error(end);
    }
    scheduler.close();
    JsonObject output = new JsonObject();
    output.add("events", events);
    output.add("calls", calls);
    output.add("error", error);
    return output;
  }

  private void loop() throws InterruptedException {
    for (Event event : scheduler.events()) {
      JsonObject seen = Printed.event(event);
      events.add(seen);
      Next next = react(event, seen);
      if (next == Next.END_HANDLED) {
        scheduler.handled();
      }
      if (next != Next.EVENT) {
        return;
      }
    }
  }

  private static Options options(JsonObject input) {
    JsonObject given = objectIn(input, "options");
    FrameworkInfo.Builder info = FrameworkInfo.newBuilder().setUser(text(input, "user"));
    Options options =
        Options.of(text(input, "bridge"), text(input, "frameworkName"))
            .frameworkInfo(info)
            .backoff(millis(given, "backoffInitialMs", 1), millis(given, "backoffMaxMs", 50))
            .callTimeout(millis(given, "callTimeoutMs", 10_000))
            .suppressedRoles(texts(given, "suppressedRoles"))
            .replaceRemoved(flag(given, "replaceRemoved"))
            .standby(flag(given, "standby"));
    if (given.has("proxy")) {
      options.proxy(text(given, "proxy"));
    }
    if (given.has("tls")) {
      options.tls(tls(objectIn(given, "tls")));
    }
    if (given.has("token")) {
      options.token(text(given, "token"));
    }
    if (given.has("tokens")) {
      options.token(tokens(given.getAsJsonArray("tokens")));
    }
    if (given.has("giveUpAfterMs")) {
      options.giveUpAfter(millis(given, "giveUpAfterMs", 0));
    }
    if (given.has("leaseMs")) {
      options.lease(millis(given, "leaseMs", 0));
    }
    if (given.has("maxBuffered")) {
      options.maxBuffered(given.get("maxBuffered").getAsInt());
    }
    if (given.has("maxMessageBytes")) {
      options.maxMessageBytes(given.get("maxMessageBytes").getAsInt());
    }
    if (given.has("expiry") && text(given, "expiry").equals("teardown")) {
      options.expiryPolicy(ExpiryPolicy.EXPIRY_POLICY_TEARDOWN);
    }
    return options;
  }

  private static Tls tls(JsonObject given) {
    Tls tls = Tls.create();
    if (given.has("ca")) {
      tls.ca(Path.of(text(given, "ca")));
    }
    if (given.has("cert")) {
      tls.cert(Path.of(text(given, "cert")));
    }
    if (given.has("key")) {
      tls.key(Path.of(text(given, "key")));
    }
    if (given.has("serverName")) {
      tls.serverName(text(given, "serverName"));
    }
    return tls;
  }

  /** Gives one after the other; the last one stays. */
  private static TokenSource tokens(JsonArray given) {
    AtomicInteger next = new AtomicInteger();
    return () -> {
      JsonElement token = given.get(Math.min(next.getAndIncrement(), given.size() - 1));
      if (token.isJsonNull()) {
        throw new IOException("the issuer does not answer");
      }
      return token.getAsString();
    };
  }

  /** Does what the rules say of an event. */
  private Next react(Event event, JsonObject seen) throws InterruptedException {
    for (JsonElement element : arrayIn(input, "rules")) {
      JsonObject rule = element.getAsJsonObject();
      boolean applies =
          rule.get("on").equals(seen.get("kind"))
              && objectIn(rule, "where").entrySet().stream()
                  .allMatch(member -> member.getValue().equals(seen.get(member.getKey())));
      int times = rule.has("times") ? rule.get("times").getAsInt() : Integer.MAX_VALUE;
      if (!applies || times <= 0) {
        continue;
      }
      rule.add("times", new JsonPrimitive(times - 1));
      for (JsonElement action : arrayIn(rule, "do")) {
        Next next = act(action.getAsJsonObject(), event);
        if (next != Next.EVENT) {
          return next;
        }
      }
    }
    return Next.EVENT;
  }

  private Next act(JsonObject action, Event event) throws InterruptedException {
    if (action.has("end")) {
      return text(action, "end").equals("handled") ? Next.END_HANDLED : Next.END_UNHANDLED;
    }
    Thread.sleep(millis(action, "pauseMs", 0).toMillis());
    if (action.has("call")) {
      JsonObject record = new JsonObject();
      record.add("call", action.get("call"));
      record.add("error", JsonNull.INSTANCE);
      record.add("result", JsonNull.INSTANCE);
      calls.add(record);
      try {
        List<Offer> offers = event instanceof Event.Offers e ? e.offers() : List.of();
        record.add("result", send(action, offers));
      } catch (BridgeException error) {
        record.add("error", Printed.error(error));
      }
    }
    return Next.EVENT;
  }

  /** Makes a call, and gives its result as printed. */
  private JsonElement send(JsonObject action, List<Offer> offers) {
    String[] roles = texts(action, "roles").toArray(String[]::new);
    String key = text(action, "key");
    switch (text(action, "call")) {
      case "launchTasks" -> {
        LaunchTasksRequest request = launch(action, offers.get(0));
        return Printed.version("stateVersion", scheduler.launchTasks(request).getStateVersion());
      }
      case "getState" -> {
        return scheduler.getState(key).map(Printed::entry).orElse(JsonNull.INSTANCE);
      }
      case "putState" -> {
        ByteString value = bytes(action, "value");
        long version =
            action.has("ifVersion")
                ? scheduler.putState(key, value, ifVersion(action))
                : scheduler.putState(key, value);
        return Printed.version("version", version);
      }
      case "deleteState" -> {
        if (action.has("ifVersion")) {
          scheduler.deleteState(key, ifVersion(action));
        } else {
          scheduler.deleteState(key);
        }
      }
      case "listState" -> {
        return Printed.entries(scheduler.listState(text(action, "prefix")));
      }
      case "declineOffers" -> scheduler.declineOffers(decline(action, offers));
      case "reviveOffers" -> scheduler.reviveOffers(roles);
      case "suppressOffers" -> scheduler.suppressOffers(roles);
      case "killTask" ->
          scheduler.killTask(
              KillTaskRequest.newBuilder().setTaskId(taskId(text(action, "taskId"))).build());
      case "reconcileTasks" -> {
        ReconcileTasksRequest.Builder request = ReconcileTasksRequest.newBuilder();
        for (String id : texts(action, "taskIds")) {
          request.addTasks(Call.Reconcile.Task.newBuilder().setTaskId(taskId(id)));
        }
        scheduler.reconcileTasks(request.build());
      }
      case "teardown" -> scheduler.teardown();
      case "closeSession" -> scheduler.closeSession();
      case "handOver" -> scheduler.handOver();
      default -> throw new IllegalArgumentException("this driver has no call " + action);
    }
    return JsonNull.INSTANCE;
  }

  private static LaunchTasksRequest launch(JsonObject action, Offer offer) {
    ResourcePool pool = new ResourcePool(offer.getResourcesList());
    LaunchTasksRequest.Builder request = LaunchTasksRequest.newBuilder().addOfferIds(offer.getId());
    for (JsonElement element : arrayIn(action, "tasks")) {
      JsonObject task = element.getAsJsonObject();
      double cpus = task.get("cpus").getAsDouble();
      double mem = task.get("mem").getAsDouble();
      CommandInfo.Builder command = CommandInfo.newBuilder().setShell(true);
      request.addTasks(
          TaskInfo.newBuilder()
              .setName(text(task, "id"))
              .setTaskId(taskId(text(task, "id")))
              .setAgentId(offer.getAgentId())
              .addAllResources(pool.take(cpus, mem).orElse(List.of()))
              .setCommand(command.setValue(text(task, "command"))));
      if (task.has("cookie")) {
        request.putCookies(text(task, "id"), bytes(task, "cookie"));
      }
    }
    for (JsonElement change : arrayIn(action, "state")) {
      request.addState(change(change.getAsJsonObject()));
    }
    return request.build();
  }

  private static StateChange.Builder change(JsonObject given) {
    StateChange.Builder change =
        StateChange.newBuilder()
            .setKey(text(given, "key"))
            .setValue(bytes(given, "value"))
            .setDelete(flag(given, "delete"));
    return given.has("ifVersion") ? change.setIfVersion(ifVersion(given)) : change;
  }

  private static DeclineOffersRequest decline(JsonObject action, List<Offer> offers) {
    DeclineOffersRequest.Builder request = DeclineOffersRequest.newBuilder();
    offers.forEach(offer -> request.addOfferIds(offer.getId()));
    if (action.has("refuseSeconds")) {
      double seconds = action.get("refuseSeconds").getAsDouble();
      request.setFilters(Filters.newBuilder().setRefuseSeconds(seconds));
    }
    return request.build();
  }

  private static TaskID taskId(String id) {
    return TaskID.newBuilder().setValue(id).build();
  }

  private static Duration millis(JsonObject object, String name, long other) {
    return Duration.ofMillis(object.has(name) ? object.get(name).getAsLong() : other);
  }

  private static boolean flag(JsonObject object, String name) {
    return object.has(name) && object.get(name).getAsBoolean();
  }

  private static String text(JsonObject object, String name) {
    return object.has(name) ? object.get(name).getAsString() : "";
  }

  private static long ifVersion(JsonObject object) {
    return object.get("ifVersion").getAsLong();
  }

  /** In base64. */
  private static ByteString bytes(JsonObject object, String name) {
    return ByteString.copyFrom(Base64.getDecoder().decode(text(object, name)));
  }

  private static List<String> texts(JsonObject object, String name) {
    return StreamSupport.stream(arrayIn(object, name).spliterator(), false)
        .map(JsonElement::getAsString)
        .toList();
  }

  private static JsonArray arrayIn(JsonObject object, String name) {
    return object.has(name) ? object.getAsJsonArray(name) : new JsonArray();
  }

  private static JsonObject objectIn(JsonObject object, String name) {
    return object.has(name) ? object.getAsJsonObject(name) : new JsonObject();
  }
}
