package mesosbridge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// probeTimeout is how long a server may take to say something. Those that speak do so at once.
const probeTimeout = 2 * time.Second

// preface is what HTTP/2 begins with, and empty SETTINGS.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// tlsWords are what TLS says, and what that means. The first that fits counts.
var tlsWords = []struct{ sign, meaning string }{
	{"first record does not look like a TLS handshake", "ADDRESS does not speak TLS: leave out TLS (--bridge-ca), or give the bridge a certificate"},
	{"no application protocol", "ADDRESS is not a Mesos bridge: it speaks TLS, but not HTTP/2"},
	{"missing selected ALPN", "ADDRESS is not a Mesos bridge: it speaks TLS, but not HTTP/2"},
	{"tls: certificate required", "ADDRESS demands a client certificate: set TLS.Cert and TLS.Key (--bridge-cert, --bridge-key)"},
	{"tls: expired certificate", "ADDRESS refuses the client certificate: it has expired"},
	{"tls: unknown certificate authority", "ADDRESS refuses the client certificate: it does not trust its authority"},
	{"remote error: tls: bad certificate", "ADDRESS refuses the client certificate"},
	{"remote error: tls: unsupported certificate", "ADDRESS refuses the client certificate"},
	{"remote error: tls: revoked certificate", "ADDRESS refuses the client certificate: it is revoked"},
	{"remote error: tls: unknown certificate", "ADDRESS refuses the client certificate"},
	{"certificate has expired", "the bridge at ADDRESS can't be trusted: its certificate has expired, or is not yet valid"},
	{"cannot validate certificate for", "the bridge's certificate is not for ADDRESS: use a name that it holds, in its address or as TLS.ServerName"},
	{"certificate is valid for", "the bridge's certificate is not for ADDRESS: use a name that it holds, in its address or as TLS.ServerName"},
	{"certificate is not valid for any names", "the bridge's certificate is not for ADDRESS: use a name that it holds, in its address or as TLS.ServerName"},
	{"certificate signed by unknown authority", "the certificate of the bridge at ADDRESS is from an authority that is not trusted: give the authority as TLS.CA (--bridge-ca)"},
}

// unclear is what gRPC says of connections when it does not know what happened.
var unclear = []string{"error reading server preface", "EOF", "connection reset", "broken pipe", "transport is closing"}

// attempted is where and how a client tried to attach.
type attempted struct {
	address string
	tls     *tls.Config
	// True if what is behind the connection is not for us to know: a proxy, or a transport of the user's own.
	hidden bool
	// True if it says who it is.
	identified bool
}

// explain gives an error with which no stream came about in words for people. It stays the same kind of error.
func (a attempted) explain(ctx context.Context, err *Error) *Error {
	text := a.words(ctx, err)
	if text == "" {
		return err
	}
	explained := *err
	explained.Message, explained.cause = text, err
	return &explained
}

func (a attempted) words(ctx context.Context, err *Error) string {
	switch {
	case err.Code == codes.Unauthenticated && !a.identified:
		return err.Message + " (set Token, TokenSource or TLS.Cert: --bridge-token-file, --bridge-cert)"
	case err.Reason != "":
		return ""
	case err.Code == codes.Unimplemented:
		return a.address + " is not a Mesos bridge: " + err.Message
	}
	if words := a.tlsWords(err.Message); words != "" {
		return words
	}
	if a.hidden || strings.HasPrefix(a.address, "unix:") || !containsAny(err.Message, unclear) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if a.tls != nil {
		return a.probeTLS(ctx)
	}
	return a.probePlain(ctx)
}

func (a attempted) tlsWords(text string) string {
	for _, words := range tlsWords {
		if strings.Contains(text, words.sign) {
			return strings.ReplaceAll(words.meaning, "ADDRESS", a.address)
		}
	}
	return ""
}

// probePlain speaks HTTP/2 to the server, and looks at the first bytes that come.
func (a attempted) probePlain(ctx context.Context) string {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	first, err := exchange(ctx, conn)
	text := string(first)
	switch {
	case strings.HasPrefix(text, "HTTP/"), strings.HasPrefix(text, "<"):
		return a.address + " is not a Mesos bridge: it is a web server"
	case strings.HasPrefix(text, "\x15\x03"), strings.HasPrefix(text, "\x16\x03"), text == "" && ended(err) && a.speaksTLS(ctx):
		return a.address + " speaks TLS: set TLS (--bridge-ca)"
	case len(text) >= 4 && text[3] != 4:
		return a.address + " is not a Mesos bridge: it answers in another protocol"
	}
	return ""
}

// speaksTLS is true if the server answers a handshake, whatever it demands.
func (a attempted) speaksTLS(ctx context.Context) bool {
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(ctx, "tcp", a.address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil || strings.Contains(err.Error(), "remote error: tls")
}

// probeTLS connects as the channel does, and looks at how the server ends the connection.
func (a attempted) probeTLS(ctx context.Context) string {
	conn, err := (&tls.Dialer{Config: a.tls}).DialContext(ctx, "tcp", a.address)
	if err != nil {
		return a.tlsWords(err.Error())
	}
	defer conn.Close()
	first, err := exchange(ctx, conn)
	if len(first) > 0 || !ended(err) {
		return ""
	}
	if words := a.tlsWords(err.Error()); words != "" {
		return words
	}
	// Servers on Node, such as the bridge, do not say why.
	why := "it probably demands a client certificate"
	if a.tls.GetClientCertificate != nil {
		why = "it probably refuses the client certificate"
	}
	return a.address + " ends connections after the TLS handshake: " + why
}

// exchange says what HTTP/2 begins with, and gives what comes first.
func exchange(ctx context.Context, conn net.Conn) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, preface); err != nil {
		return nil, err
	}
	first := make([]byte, 9)
	n, err := conn.Read(first)
	return first[:n], err
}

// ended is true if the server ended the connection, and not if it said nothing in time.
func ended(err error) bool {
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
