package io.github.mesosbridge.emptytasks;

import io.github.mesosbridge.BridgeException;
import io.github.mesosbridge.Event;
import io.github.mesosbridge.Outcome;
import io.github.mesosbridge.ResourcePool;
import io.github.mesosbridge.Scheduler;
import io.github.mesosbridge.v1.DeclineOffersRequest;
import io.github.mesosbridge.v1.LaunchTasksRequest;
import io.github.mesosbridge.v1.ReconcileTasksRequest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.mesos.v1.Protos.CommandInfo;
import org.apache.mesos.v1.Protos.Filters;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.Resource;
import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskInfo;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.apache.mesos.v1.scheduler.Protos.Call;

/** The tasks to run, and what became of them. */
final class Tasks {
  /** What one task needs: a tenth of a CPU and 32 MB. */
  private static final double CPUS = 0.1;

  private static final double MEM = 32;

  /** What is not used is not wanted again soon: the framework asks when it wants more. */
  private static final Filters FILTERS = Filters.newBuilder().setRefuseSeconds(600).build();

  private static final class Task {
    final int number;
    int attempts;

    Task(int number) {
      this.number = number;
    }
  }

  private final Scheduler scheduler;
  private final String command;
  private final int retries;
  private final boolean standby;

  /** Distinguishes the task ids of this run from those of earlier ones of the same framework. */
  private final String run = Long.toString(System.currentTimeMillis(), 36);

  private final Deque<Task> waiting = new ArrayDeque<>();
  private final Map<String, Task> running = new HashMap<>();
  private int finished;
  private int failed;

  Tasks(Scheduler scheduler, CommandLine line) {
    this.scheduler = scheduler;
    this.command = line.command();
    this.retries = line.retries();
    this.standby = line.standby();
    for (int number = 1; number <= line.tasks(); number++) {
      waiting.add(new Task(number));
    }
  }

  boolean done() {
    return waiting.isEmpty() && running.isEmpty();
  }

  int finished() {
    return finished;
  }

  int failed() {
    return failed;
  }

  void handle(Event event) {
    if (event instanceof Event.Offers e) {
      e.offers().forEach(this::onOffer);
    } else if (event instanceof Event.Update e) {
      onUpdate(e.status());
    } else if (event instanceof Event.Gap || event instanceof Event.Subscribed) {
      // What happened meanwhile was perhaps not seen.
      reconcile();
    } else {
      tell(event);
    }
  }

  private static void tell(Event event) {
    if (event instanceof Event.Standby) {
      System.err.println("standing by");
    } else if (event instanceof Event.LinkChanged e) {
      System.err.println(
          e.linked()
              ? "the bridge is connected to the Mesos master " + e.master()
              : "the bridge has no Mesos master: " + e.reason());
    } else if (event instanceof Event.MesosError e) {
      System.err.println("Mesos says: " + e.message());
    } else if (event instanceof Event.AcknowledgementRefused e) {
      System.err.println("an acknowledgement was refused: " + e.error().getMessage());
    }
  }

  private void onOffer(Offer offer) {
    ResourcePool pool = new ResourcePool(offer.getResourcesList());
    List<TaskInfo> infos = new ArrayList<>();
    Map<String, Task> launched = new HashMap<>();
    for (Task task : waiting) {
      Optional<List<Resource>> resources = pool.take(CPUS, MEM);
      if (resources.isEmpty()) {
        break;
      }
      TaskInfo info = taskInfo(task, offer, resources.get());
      infos.add(info);
      launched.put(info.getTaskId().getValue(), task);
    }
    if (infos.isEmpty()) {
      DeclineOffersRequest.Builder request = DeclineOffersRequest.newBuilder();
      request.addOfferIds(offer.getId()).setFilters(FILTERS);
      tolerate(() -> scheduler.declineOffers(request.build()));
      return;
    }
    LaunchTasksRequest.Builder request = LaunchTasksRequest.newBuilder();
    request.addOfferIds(offer.getId()).addAllTasks(infos).setFilters(FILTERS);
    launch(request.build(), launched);
  }

  private TaskInfo taskInfo(Task task, Offer offer, List<Resource> resources) {
    String id = "empty-%s-%d-%d".formatted(run, task.number, task.attempts + 1);
    return TaskInfo.newBuilder()
        .setName("empty task " + task.number)
        .setTaskId(TaskID.newBuilder().setValue(id))
        .setAgentId(offer.getAgentId())
        .addAllResources(resources)
        .setCommand(CommandInfo.newBuilder().setShell(true).setValue(command))
        .build();
  }

  private void launch(LaunchTasksRequest request, Map<String, Task> launched) {
    boolean known = true;
    try {
      scheduler.launchTasks(request);
    } catch (BridgeException error) {
      if (!error.isOutcomeUnknown()) {
        // Nothing was launched. It is not the tasks' fault that an offer is gone, or that another instance took over;
        // more offers come by themselves.
        boolean superseded = standby && error.reason().equals("ATTACHMENT_SUPERSEDED");
        if (superseded || error.reason().equals("OFFER_GONE") || error.isRetryable()) {
          System.err.println(error.getMessage());
          return;
        }
        throw error;
      }
      known = false;
    }
    waiting.removeAll(launched.values());
    launched.values().forEach(task -> task.attempts++);
    running.putAll(launched);
    if (known) {
      System.out.printf(
          "launched %d on agent %s%n",
          launched.size(), request.getTasks(0).getAgentId().getValue());
    } else {
      // Perhaps they run: then an update comes, or the answer to a reconciliation.
      reconcile();
    }
  }

  private void onUpdate(TaskStatus status) {
    Outcome outcome = Outcome.of(status);
    String id = status.getTaskId().getValue();
    if (outcome == Outcome.ACTIVE || !running.containsKey(id)) {
      return;
    }
    Task task = running.remove(id);
    if (outcome == Outcome.FINISHED) {
      finished++;
      System.out.printf("task %d finished%n", task.number);
    } else if (outcome == Outcome.LOST && task.attempts <= retries) {
      System.out.printf("task %d is launched again: %s%n", task.number, Outcome.describe(status));
      waiting.add(task);
      tolerate(() -> scheduler.reviveOffers());
    } else {
      failed++;
      System.out.printf("task %d failed: %s%n", task.number, Outcome.describe(status));
    }
  }

  /** Asks what became of the tasks that should run. The answers are updates. */
  void reconcile() {
    ReconcileTasksRequest.Builder request = ReconcileTasksRequest.newBuilder();
    for (String id : running.keySet()) {
      TaskID taskId = TaskID.newBuilder().setValue(id).build();
      request.addTasks(Call.Reconcile.Task.newBuilder().setTaskId(taskId));
    }
    if (request.getTasksCount() > 0) {
      tolerate(() -> scheduler.reconcileTasks(request.build()));
    }
  }

  /** Goes on after what may be well again later: how long the bridge may be away is the scheduler's to say. */
  private static void tolerate(Runnable call) {
    try {
      call.run();
    } catch (BridgeException error) {
      if (!error.isRetryable() && !error.isOutcomeUnknown()) {
        throw error;
      }
      System.err.println(error.getMessage());
    }
  }
}
