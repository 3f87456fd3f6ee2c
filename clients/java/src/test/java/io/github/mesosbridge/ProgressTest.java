package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.github.mesosbridge.v1.Opened;
import io.github.mesosbridge.v1.SessionEvent;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final Progress progress = new Progress();

  private void open(String id, long sequence, boolean resumed) {
    Opened.Builder opened = Opened.newBuilder().setAttachmentId(id).setResumed(resumed);
    SessionEvent event =
        SessionEvent.newBuilder().setSequence(sequence).setOpened(opened).build();
    progress.open((Event.Opened) Events.of(event).orElseThrow());
  }

  private long advance(long sequence, boolean snapshotEnd, boolean fragment) {
    SessionEvent.Builder event = SessionEvent.newBuilder().setSequence(sequence);
    event.getProgressBuilder().setSnapshotEnd(snapshotEnd);
    return progress.advance(event.setFragment(fragment).build());
  }

  private void assertResume(String id, long after) {
    assertEquals(id, progress.resume().getAttachmentId());
    assertEquals(after, progress.resume().getAfterSequence());
  }

  @Test
  void aStreamThatBrokeInItsSnapshotIsNotResumed() {
    open("a", 5, false);
    advance(5, false, false);
    assertNull(progress.resume());
    advance(5, true, false);
    assertResume("a", 5);
  }

  @Test
  void resumesAfterTheLastWholeEvent() {
    open("a", 0, false);
    advance(0, true, false);
    advance(1, false, false);
    advance(2, false, true);
    assertResume("a", 1);
    open("b", 2, true);
    assertResume("b", 1);
    open("c", 9, false);
    assertNull(progress.resume());
  }

  @Test
  void seesWhatIsMissing() {
    open("a", 3, false);
    assertEquals(0, advance(3, true, false));
    assertEquals(0, advance(4, false, false));
    assertEquals(3, advance(8, false, false));
    // Sequences are unsigned.
    open("b", Long.MAX_VALUE, false);
    assertEquals(1, advance(Long.MIN_VALUE + 1, false, false));
  }
}
