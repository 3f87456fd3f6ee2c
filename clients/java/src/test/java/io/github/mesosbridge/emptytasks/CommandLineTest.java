package io.github.mesosbridge.emptytasks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {
  @Test
  void readsBothWaysToWriteAnOption() {
    CommandLine line = CommandLine.parse("--bridge", "[::1]:1", "--tasks=7", "--command=test a=b", "--give-up-after", "2");
    assertEquals("[::1]:1", line.bridge());
    assertEquals(7, line.tasks());
    assertEquals("test a=b", line.command());
    assertEquals(3, line.retries());
    assertEquals(Duration.ofSeconds(2), line.giveUpAfter());
    assertTrue(CommandLine.parse("--help").help());
    assertTrue(CommandLine.parse("--version").version());
  }

  @Test
  void eachRunHasAFrameworkOfItsOwnUnlessTold() {
    assertNotEquals(CommandLine.parse().frameworkName(), CommandLine.parse().frameworkName());
    assertEquals("mine", CommandLine.parse("--framework-name", "mine").frameworkName());
  }

  @Test
  void namesTheFilesOfAccessAsTheEnvironmentDoes() {
    CommandLine line = CommandLine.parse("--bridge", "unix:/run/bridge.sock", "--bridge-token-file", "t", "--bridge-ca=c");
    assertEquals("unix:/run/bridge.sock", line.bridge());
    assertEquals("t", line.files().get("MESOS_BRIDGE_TOKEN_FILE"));
    assertEquals("c", line.files().get("MESOS_BRIDGE_CA"));
  }

  @Test
  void standbysShareAName() {
    assertTrue(CommandLine.parse("--standby", "--framework-name=shared").standby());
    IllegalArgumentException wrong =
        assertThrows(IllegalArgumentException.class, () -> CommandLine.parse("--standby"));
    assertEquals("--standby needs --framework-name: the instances share one", wrong.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--tasks=0", "--tasks=x", "--retries=-1", "--bridge=here", "--what=1", "--user", "more"})
  void saysWhatIsWrong(String argument) {
    IllegalArgumentException wrong =
        assertThrows(IllegalArgumentException.class, () -> CommandLine.parse(argument));
    assertTrue(wrong.getMessage().contains(argument.split("=")[0]), wrong.getMessage());
  }
}
