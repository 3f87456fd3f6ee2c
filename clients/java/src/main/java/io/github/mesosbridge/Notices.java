package io.github.mesosbridge;

import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;

/** What a scheduler says of its own accord: once what it waits for, not with each try. */
final class Notices {
  private static final Logger LOG = Logger.getLogger("io.github.mesosbridge");

  private final ScheduledExecutorService timer;
  private final Duration patience;
  private boolean lost;
  private volatile boolean wantsOffers;
  private volatile boolean linked;
  private ScheduledFuture<?> waiting;

  /**
   * Begins when the scheduler does.
   *
   * @param patience how long offers may take before it says that it waits for them
   */
  Notices(ScheduledExecutorService timer, boolean wantsOffers, Duration patience) {
    this.timer = timer;
    this.wantsOffers = wantsOffers;
    this.patience = patience;
  }

  /** An attempt to attach failed, and another one follows. */
  void failed(BridgeException error) {
    if (!lost) {
      LOG.warning("not attached to the bridge: " + error.getMessage() + "; trying again");
    }
    lost = true;
    stopWaiting();
  }

  void seen(Event event) {
    if (event instanceof Event.Opened opened) {
      opened(opened);
    } else if (event instanceof Event.Standby) {
      lost = false;
      LOG.info("on standby: another scheduler of the framework may be active");
    } else if (event instanceof Event.LinkChanged change) {
      linked = change.linked();
    } else if (event instanceof Event.Offers || event instanceof Event.Update) {
      wantsOffers = false;
      stopWaiting();
    }
  }

  private void opened(Event.Opened opened) {
    if (lost) {
      LOG.info("attached to the bridge");
    }
    lost = false;
    linked = opened.linked();
    if (wantsOffers) {
      waiting = timer.schedule(this::noOffers, patience.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private void noOffers() {
    wantsOffers = false;
    String what = linked ? "offers" : "a Mesos master, which the bridge does not have yet";
    LOG.info("attached to the bridge, and waiting for " + what);
  }

  private void stopWaiting() {
    if (waiting != null) {
      waiting.cancel(false);
      waiting = null;
    }
  }
}
