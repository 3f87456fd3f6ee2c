package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.HttpConnectProxiedSocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpProxyTest {
  private static final InetSocketAddress BRIDGE = InetSocketAddress.createUnresolved("bridge", 50051);

  private static HttpConnectProxiedSocketAddress through(String url) throws IOException {
    return (HttpConnectProxiedSocketAddress) HttpProxy.parse(url).proxyFor(BRIDGE);
  }

  @Test
  void hasTheProxyConnectToTheBridge() throws IOException {
    HttpConnectProxiedSocketAddress address = through("http://127.0.0.1");
    assertEquals(BRIDGE, address.getTargetAddress());
    assertEquals(new InetSocketAddress("127.0.0.1", 80), address.getProxyAddress());
    assertNull(address.getUsername());
  }

  @Test
  void decodesUserAndPassword() throws IOException {
    HttpConnectProxiedSocketAddress address = through("http://m%3Ae:p%40ss+%25@127.0.0.1:3128/");
    assertEquals("m:e", address.getUsername());
    assertEquals("p@ss+%", address.getPassword());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "proxy:3128",
        "https://me:secret@proxy:3128",
        "http://",
        "http://me:secret@proxy:3128/path",
        "http://me:secret@proxy:3128?a",
        "http://me:%zzsecret@proxy:3128",
        "http://me:secret@proxy:notaport"
      })
  void refusesWhatIsNotAProxyAndDoesNotRepeatIt(String url) {
    Options options = Options.of("127.0.0.1:1", "test");
    String message = assertThrows(IllegalArgumentException.class, () -> options.proxy(url)).getMessage();
    assertTrue(message.startsWith("proxy should be http://HOST:PORT"), message);
    assertFalse(message.contains("secret"), message);
  }
}
