package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTest {
  @Test
  void severalHaveCommasBetweenThem() {
    List<Address> addresses = Address.list("a:1, [::1]:2,unix:/run/bridge.sock");
    assertEquals(List.of("a", "::1"), addresses.subList(0, 2).stream().map(Address::host).toList());
    assertTrue(addresses.get(2).isUnix());
    assertEquals("dns:///[::1]:2", addresses.get(1).target());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "nonsense", "http://a:1/", "a:1,", "a:port", "a:65536", "unix:"})
  void whatIsNotAnAddressIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Address.list(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[0:0:0:0:0:0:0:1]:1", "LocalHost:1", "unix:/a"})
  void whatIsOnThisHost(String text) {
    assertTrue(Address.list(text).get(0).isLocal());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"10.0.0.1:1", "[::]:1", "0.0.0.0:1", "localhost.example:1", "127.0.0.1.example:1", "[2001:db8::1]:1"})
  void whatMayBeElsewhere(String text) {
    assertFalse(Address.list(text).get(0).isLocal());
  }
}
