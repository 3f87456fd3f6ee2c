package io.github.mesosbridge;

import io.github.mesosbridge.v1.Resume;
import io.github.mesosbridge.v1.SessionEvent;
import java.time.Duration;

/** How far a stream was read. */
final class Progress {
  private Duration interval = Duration.ofSeconds(15);
  private String attachmentId = "";

  /** Null until a snapshot was complete: before that its rest would be lost. */
  private Resume resume;

  /** Sequence of the last event received: where the next one shows a gap. */
  private long last;

  /** Where a broken stream is taken up again; null if it can't be. */
  Resume resume() {
    return resume;
  }

  /** How often the bridge gives a sign of life. */
  Duration interval() {
    return interval;
  }

  /** Zero leaves it as it is. */
  void setInterval(Duration given) {
    if (!given.isZero()) {
      interval = given;
    }
  }

  void open(Event.Opened opened) {
    attachmentId = opened.attachmentId();
    setInterval(opened.progressInterval());
    if (opened.resumed() && resume != null) {
      resume = resume.toBuilder().setAttachmentId(attachmentId).build();
    } else {
      resume = null;
      last = opened.stamp().sequence();
    }
  }

  /**
   * Notes an event, and gives how many are missing before it. Pieces of an event count only with the last one: a
   * resumption needs them all.
   */
  long advance(SessionEvent event) {
    long sequence = event.getSequence();
    long missing = Long.compareUnsigned(sequence, last) > 0 ? sequence - last - 1 : 0;
    last = sequence;
    if ((resume != null || event.getProgress().getSnapshotEnd()) && !event.getFragment()) {
      resume = Resume.newBuilder().setAttachmentId(attachmentId).setAfterSequence(sequence).build();
    }
    return missing;
  }
}
