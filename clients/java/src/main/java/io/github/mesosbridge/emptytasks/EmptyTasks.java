package io.github.mesosbridge.emptytasks;

import io.github.mesosbridge.BridgeException;
import io.github.mesosbridge.Event;
import io.github.mesosbridge.Options;
import io.github.mesosbridge.Scheduler;
import io.github.mesosbridge.v1.ExpiryPolicy;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.mesos.v1.Protos.FrameworkInfo.Capability;
import org.apache.mesos.v1.Protos.FrameworkInfo;

/**
 * Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did, 1 if
 * not, 2 if it was called wrongly.
 */
public final class EmptyTasks {
  /** If an update was lost, Mesos reports the task's state only on request. */
  private static final Duration RECONCILE = Duration.ofSeconds(30);

  /** How long an interrupted program tries to tear its framework down, or to hand it over. */
  private static final Duration TEARDOWN = Duration.ofSeconds(10);

  private EmptyTasks() {}

  public static void main(String[] arguments) {
    // The library's log reads as the program's own lines.
    System.setProperty("java.util.logging.SimpleFormatter.format", "%5$s%n");
    int status;
    try {
      CommandLine line = CommandLine.parse(arguments);
      if (line.help()) {
        status = print(CommandLine.HELP);
      } else if (line.version()) {
        status = print("empty-tasks " + Scheduler.VERSION + "\n");
      } else {
        status = run(line);
      }
    } catch (IllegalArgumentException wrong) {
      System.err.println("empty-tasks: " + wrong.getMessage() + "; --help tells more");
      status = 2;
    } catch (BridgeException error) {
      System.err.println("empty-tasks: " + explain(error));
      status = 1;
    }
    // Not System.exit: where that waits for the shutdown hook, the hook would wait for this thread.
    Runtime.getRuntime().halt(status);
  }

  private static int print(String text) {
    System.out.print(text);
    return 0;
  }

  private static String explain(BridgeException error) {
    return error.reason().equals("ATTACHMENT_SUPERSEDED")
        ? "another client attached under the same framework name; use another --framework-name to run both"
        : error.getMessage();
  }

  private static int run(CommandLine line) {
    Scheduler scheduler = Scheduler.connect(options(line));
    AtomicBoolean interrupted = new AtomicBoolean();
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> interrupt(scheduler, line.standby(), interrupted)));
    Tasks tasks = new Tasks(scheduler, line);
    boolean wasActive = seeThrough(scheduler, tasks);
    if (line.standby() && !wasActive && !interrupted.get()) {
      scheduler.close();
      return print("another instance has ended the framework\n");
    }
    if (tasks.done()) {
      scheduler.teardown();
    }
    scheduler.close();
    System.out.printf(
        "%d of %d finished, %d failed%n", tasks.finished(), line.tasks(), tasks.failed());
    return tasks.finished() == line.tasks() ? 0 : 1;
  }

  /** Runs until all tasks have ended, or no more events come. Gives whether it was ever active. */
  private static boolean seeThrough(Scheduler scheduler, Tasks tasks) {
    boolean active = false;
    boolean ended = false;
    long reconciled = System.nanoTime();
    try {
      while (!tasks.done() && !ended) {
        // Looked at before the next event is asked for, which fails if the events did not end in order.
        ended = scheduler.hasEnded();
        Optional<Event> event = scheduler.next(Duration.ofSeconds(1));
        if (event.isPresent()) {
          active |= event.get() instanceof Event.Opened;
          tasks.handle(event.get());
        }
        if (System.nanoTime() - reconciled > RECONCILE.toNanos()) {
          tasks.reconcile();
          reconciled = System.nanoTime();
        }
      }
      scheduler.handled();
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
    return active;
  }

  /** Ctrl-C, or SIGTERM: ends the framework in Mesos, or leaves it to the instances that stand by. */
  private static void interrupt(Scheduler scheduler, boolean standby, AtomicBoolean interrupted) {
    interrupted.set(true);
    Thread ending = new Thread(standby ? () -> handOver(scheduler) : () -> teardown(scheduler));
    ending.start();
    try {
      ending.join(TEARDOWN.toMillis());
    } catch (InterruptedException interrupt) {
      // The program ends in any case.
    }
    Runtime.getRuntime().halt(1);
  }

  private static void teardown(Scheduler scheduler) {
    System.err.println("ending the framework");
    try {
      scheduler.teardown();
    } catch (BridgeException error) {
      System.err.println("the framework was not ended: " + error.getMessage());
    }
  }

  private static void handOver(Scheduler scheduler) {
    if (!scheduler.isAttached()) {
      scheduler.close();
      return;
    }
    System.err.println("handing over");
    try {
      scheduler.handOver();
    } catch (BridgeException error) {
      System.err.println("the framework was not handed over: " + error.getMessage());
    }
  }

  private static Options options(CommandLine line) {
    FrameworkInfo.Builder info =
        FrameworkInfo.newBuilder()
            .setUser(line.user())
            .addRoles(line.role())
            .addCapabilities(Capability.newBuilder().setType(Capability.Type.MULTI_ROLE))
            .addCapabilities(Capability.newBuilder().setType(Capability.Type.PARTITION_AWARE));
    return Options.of(line.bridge(), line.frameworkName())
        .fromEnvironment(line.files())
        .frameworkInfo(info)
        .expiryPolicy(ExpiryPolicy.EXPIRY_POLICY_TEARDOWN)
        .replaceRemoved(true)
        .standby(line.standby())
        .giveUpAfter(line.giveUpAfter());
  }
}
