package mesosbridge

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answering is a proxy that says this to all that it is asked.
func answering(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = conn.Write([]byte(answer))
					_, _ = conn.Read(make([]byte, 1))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestWhatIsNotAProxyIsRefusedAndNotRepeated(t *testing.T) {
	for _, text := range []string{"proxy:3128", "https://me:secret@proxy:3128", "http://", "http://me:secret@proxy:3128/path",
		"http://me:secret@proxy:3128?a", "http://me:%zzsecret@proxy:3128", "http://me:secret@proxy:notaport"} {
		_, err := New(Options{Bridge: "127.0.0.1:1", FrameworkName: "test", Proxy: text})
		if err == nil || !strings.Contains(err.Error(), "should be http://HOST:PORT") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAProxyThatRefusesIsTold(t *testing.T) {
	proxy := answering(t, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	s := connect(t, Options{Bridge: "127.0.0.1:1", FrameworkName: "test", Proxy: "http://me:secret@" + proxy,
		GiveUpAfter: time.Nanosecond})
	var last error
	for _, err := range s.Events(testContext(t)) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "407") || strings.Contains(last.Error(), "secret") {
		t.Fatalf("ended with %v", last)
	}
}

func TestWhatComesWithTheProxysAnswerIsRead(t *testing.T) {
	proxy, err := parseHTTPProxy("http://" + answering(t, "HTTP/1.1 200 OK\r\n\r\nhello"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := proxy.dial(testContext(t), "bridge:1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first := make([]byte, 5)
	if _, err := conn.Read(first); err != nil || string(first) != "hello" {
		t.Fatalf("read %q, %v", first, err)
	}
}

func TestAProxyThatIsSilentEndsWithTheContext(t *testing.T) {
	proxy, err := parseHTTPProxy("http://" + answering(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := proxy.dial(ctx, "bridge:1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ended with %v", err)
	}
}
