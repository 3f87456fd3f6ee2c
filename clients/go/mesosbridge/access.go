package mesosbridge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// TLS says how to use TLS. The files are in PEM.
type TLS struct {
	// The file of the authorities that may have signed the bridge's certificate. Default: those of the system.
	CA string
	// The files of this client's own certificate and of its key, if the bridge asks for one. They are read anew for each
	// connection.
	Cert, Key string
	// The name that the bridge's certificate must hold. Default: the host of the address.
	ServerName string
}

// config reads the files once, so that what can't be used is reported before there is a connection.
func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("mesosbridge: Options.TLS.CA: the authority's certificate (ca) can't be read: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("mesosbridge: Options.TLS.CA: %s (ca) holds no certificate in PEM", t.CA)
		}
	}
	switch {
	case t.Cert == "" && t.Key == "":
		return config, nil
	case t.Key == "":
		return nil, errors.New("mesosbridge: Options.TLS.Cert needs its key: set Options.TLS.Key as well")
	case t.Cert == "":
		return nil, errors.New("mesosbridge: Options.TLS.Key needs its certificate: set Options.TLS.Cert (cert) as well")
	}
	if _, err := t.certificate(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate() }
	return config, nil
}

func (t TLS) certificate() (*tls.Certificate, error) {
	text, err := os.ReadFile(t.Cert)
	if err != nil {
		return nil, fmt.Errorf("mesosbridge: Options.TLS.Cert can't be read: %w", err)
	}
	key, err := os.ReadFile(t.Key)
	if err != nil {
		return nil, fmt.Errorf("mesosbridge: Options.TLS.Key can't be read: %w", err)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, fmt.Errorf("mesosbridge: Options.TLS.Cert: %s holds no cert in PEM", t.Cert)
	}
	pair, err := tls.X509KeyPair(text, key)
	if err != nil {
		return nil, fmt.Errorf("mesosbridge: Options.TLS.Cert and Options.TLS.Key: the certificate and the key can't be used: %w", err)
	}
	return &pair, nil
}

// transport gives what a connection uses, and the configuration of TLS; nil for plain text.
func (o Options) transport() (credentials.TransportCredentials, *tls.Config, error) {
	if o.TLS == nil {
		return insecure.NewCredentials(), nil, nil
	}
	config, err := o.TLS.config()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(config.Clone()), config, nil
}

// tokens sends a token with each stream and each call.
type tokens struct {
	source func(context.Context) (string, error)
	// False where plain text does not leave this host.
	needsTLS bool
}

func (t tokens) RequireTransportSecurity() bool { return t.needsTLS }

func (t tokens) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := t.source(ctx)
	if err == nil {
		err = checkToken(token)
	}
	if err != nil {
		// The next one may do.
		return nil, status.Errorf(codes.Unavailable, "no token to send: %v", err)
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// checkToken refuses what can't be sent. Its error does not repeat it.
func checkToken(token string) error {
	wrong := token == ""
	for _, letter := range []byte(token) {
		wrong = wrong || letter <= ' ' || letter > '~'
	}
	if wrong {
		return errors.New("mesosbridge: a token must be a text of ASCII characters without spaces and line breaks")
	}
	return nil
}

// tokenSource gives what is asked for tokens; nil for none.
func (o Options) tokenSource() (func(context.Context) (string, error), error) {
	switch {
	case o.Token == nil:
		return o.TokenSource, nil
	case o.TokenSource != nil:
		return nil, errors.New("mesosbridge: set either Options.Token or Options.TokenSource")
	}
	token := *o.Token
	return func(context.Context) (string, error) { return token, nil }, checkToken(token)
}

// checkPlainText refuses to send tokens where others can read them. DialOptions may bring a transport of their own: then
// gRPC itself sees to it.
func (o Options) checkPlainText(source func(context.Context) (string, error)) error {
	if source == nil || o.TLS != nil || len(o.DialOptions) > 0 {
		return nil
	}
	addresses := strings.Split(o.Bridge, ",")
	if o.Proxy != "" {
		proxy, err := parseHTTPProxy(o.Proxy)
		if err != nil {
			return err
		}
		addresses = append(addresses, proxy.address)
	}
	for _, address := range addresses {
		if address = strings.TrimSpace(address); !isLocal(address) {
			return fmt.Errorf("mesosbridge: the token would go to %s in plain text: set Options.TLS (--bridge-ca), or leave the token out", address)
		}
	}
	return nil
}

// isLocal is true if what is sent to an address does not leave this host.
func isLocal(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
