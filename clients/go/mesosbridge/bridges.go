package mesosbridge

import (
	"context"
	"errors"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// bridges is a connection to one of several addresses at a time, for the stream and for all calls.
type bridges struct {
	// They connect with their first call, and stay: calls may be under way.
	conns []*grpc.ClientConn
	// Where each of them leads.
	attempted []attempted
	// True if the next try has another token.
	freshTokens bool

	mu      sync.Mutex
	current int
	// Addresses tried since the last good stream.
	tried int
}

// openBridges opens a connection for each of the addresses, which have commas between them.
func openBridges(addresses string, d *dialer) (*bridges, error) {
	b := &bridges{freshTokens: d.options.TokenSource != nil}
	for address := range strings.SplitSeq(addresses, ",") {
		address = strings.TrimSpace(address)
		if address == "" {
			return nil, errors.Join(
				errors.New("mesosbridge: Options.Bridge should be HOST:PORT or unix:/PATH, or several of them with commas between them"),
				b.Close())
		}
		conn, err := d.dial(address)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.conns = append(b.conns, conn)
		b.attempted = append(b.attempted, d.attempted(address))
	}
	return b, nil
}

func (b *bridges) conn() *grpc.ClientConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conns[b.current]
}

// Invoke makes a call on the bridge that is used now.
func (b *bridges) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return b.conn().Invoke(ctx, method, args, reply, opts...)
}

// NewStream opens a stream to the bridge that is used now.
func (b *bridges) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return b.conn().NewStream(ctx, desc, method, opts...)
}

// explain gives an error with which no stream to the address that is used now came about, in words for people.
func (b *bridges) explain(ctx context.Context, err *Error) *Error {
	b.mu.Lock()
	current := b.attempted[b.current]
	b.mu.Unlock()
	return current.explain(ctx, err)
}

// failed turns to the next address if err says that this one does not serve. It gives true if the next one has not
// failed yet since the last good stream, so that it is worth trying at once.
func (b *bridges) failed(err *Error) bool {
	if err.Reason != "" && err.Code != codes.Unavailable {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = (b.current + 1) % len(b.conns)
	b.tried++
	return b.tried%len(b.conns) != 0
}

// served notes that a stream lived long enough to be called a good one.
func (b *bridges) served() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried = 0
}

func (b *bridges) Close() error {
	var err error
	for _, conn := range b.conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}
