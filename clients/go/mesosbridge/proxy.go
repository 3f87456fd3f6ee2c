package mesosbridge

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// httpProxy opens connections to a bridge through an HTTP proxy.
type httpProxy struct {
	address string
	// What Proxy-Authorization says; empty without credentials.
	authorization string
}

// parseHTTPProxy reads an option that names a proxy. Its error does not repeat the text, which may hold a password.
func parseHTTPProxy(text string) (httpProxy, error) {
	wrong := errors.New("mesosbridge: Options.Proxy should be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-encoded")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") ||
		u.RawQuery != "" || u.Fragment != "" {
		return httpProxy{}, wrong
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	proxy := httpProxy{address: net.JoinHostPort(u.Hostname(), port)}
	if u.User != nil {
		password, _ := u.User.Password()
		credentials := u.User.Username() + ":" + password
		proxy.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
	}
	return proxy, nil
}

// dial has the proxy connect to an address, as HOST:PORT.
func (p httpProxy) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, fmt.Errorf("the proxy %s can't be reached: %w", p.address, err)
	}
	// A proxy that never answers ends with the context.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := p.connect(conn, address)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy %s did not connect to %s: %w", p.address, address, err)
	}
	return tunnel, nil
}

func (p httpProxy) connect(conn net.Conn, address string) (net.Conn, error) {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: address}, Host: address, Header: http.Header{}}
	if p.authorization != "" {
		request.Header.Set("Proxy-Authorization", p.authorization)
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	// The body of an answer to CONNECT is the tunnel itself.
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", response.Status)
	}
	return &tunnel{Conn: conn, reader: reader}, nil
}

// tunnel is a connection of which a reader may hold the first bytes: a server speaks before it is spoken to.
type tunnel struct {
	net.Conn
	reader *bufio.Reader
}

func (t *tunnel) Read(bytes []byte) (int, error) { return t.reader.Read(bytes) }
