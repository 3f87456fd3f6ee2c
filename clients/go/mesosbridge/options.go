package mesosbridge

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// DefaultMaxMessageBytes is the largest size of a message. The bridge splits offers into pieces of about 1 MiB, but a
// single offer may be larger, so gRPC's own limit of 4 MiB is too small.
const DefaultMaxMessageBytes = 256 << 20

// Options say how a Scheduler attaches. Bridge and FrameworkName are required.
type Options struct {
	// The bridge: HOST:PORT, or unix:/PATH for a socket. For a bridge that may move to another host, several: "a:50051,b:50051". If the one in use
	// can't be reached, the next one is tried at once.
	Bridge string
	// An HTTP proxy through which to reach the bridge: http://[USER:PASSWORD@]HOST:PORT. Default: none. Proxies that the
	// environment names (such as HTTPS_PROXY) are not used.
	Proxy string
	// Use TLS to the bridge. Default: plain text.
	TLS *TLS
	// Who this client is: a token that the bridge knows. It goes to another host only over TLS. Nil: none.
	Token *string
	// Instead of Token: gives a fresh token for each stream and each call. After a token that is refused, it is asked once
	// more. If it fails, that is like a bridge that can't be reached.
	TokenSource func(context.Context) (string, error)
	// Names the session. The bridge keeps the Mesos framework id that belongs to it.
	FrameworkName string
	// The framework as Mesos will know it; User is required, Name defaults to FrameworkName. Nil: the one that the
	// bridge has stored.
	FrameworkInfo *mesos.FrameworkInfo
	// How long the session outlives this client. Default: the bridge's, 60 s.
	Lease time.Duration
	// What happens to the framework then. Default: it is left to Mesos's failover timeout.
	ExpiryPolicy pb.ExpiryPolicy
	// Roles for which no offers are wanted yet.
	SuppressedRoles []string
	// Which agents' offers are wanted, as in Mesos's SUBSCRIBE.
	OfferConstraints *scheduler.OfferConstraints
	// If Mesos has removed the stored framework: continue as a new one. Default: end with FRAMEWORK_REMOVED.
	ReplaceRemoved bool
	// Wait while another scheduler of this framework is active, and take over when it is gone. Use it in each of several
	// instances. Default false: it takes over at once.
	Standby bool
	// Waits between attachments are random up to a bound that doubles from BackoffInitial (default 100 ms) to
	// BackoffMax (default 15 s).
	BackoffInitial, BackoffMax time.Duration
	// Gives up after this long without an attachment. Default: never.
	GiveUpAfter time.Duration
	// Deadline of calls whose context has none, including the wait for an attachment and retries. Default 30 s.
	CallTimeout time.Duration
	// Leave acknowledgements to the caller: updates are acknowledged only by Acknowledge. Default false.
	ManualAcknowledge bool
	// How many events may wait for the consumer before the bridge is made to wait. Default 256.
	MaxBuffered int
	// Largest message in either direction, in bytes. Default DefaultMaxMessageBytes.
	MaxMessageBytes int
	// Told once what the scheduler waits for: a bridge, a master, or offers. Default: slog's. slog.DiscardHandler keeps it
	// silent.
	Logger *slog.Logger
	// More for the connection, such as grpc.WithStatsHandler.
	DialOptions []grpc.DialOption
}

func (o Options) withDefaults() (Options, error) {
	if o.Bridge == "" {
		return o, errors.New("mesosbridge: Options.Bridge is required, as HOST:PORT")
	}
	if o.FrameworkName == "" {
		return o, errors.New("mesosbridge: Options.FrameworkName is required")
	}
	if o.FrameworkInfo != nil {
		// proto2 sends nothing that lacks a required field.
		if o.FrameworkInfo.User == nil {
			return o, errors.New("mesosbridge: Options.FrameworkInfo.User is required")
		}
		o.FrameworkInfo = proto.CloneOf(o.FrameworkInfo)
		if o.FrameworkInfo.Name == nil {
			o.FrameworkInfo.Name = proto.String(o.FrameworkName)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.BackoffInitial = orDefault(o.BackoffInitial, 100*time.Millisecond)
	o.BackoffMax = orDefault(o.BackoffMax, 15*time.Second)
	o.CallTimeout = orDefault(o.CallTimeout, 30*time.Second)
	o.MaxBuffered = orDefault(o.MaxBuffered, 256)
	o.MaxMessageBytes = orDefault(o.MaxMessageBytes, DefaultMaxMessageBytes)
	return o, nil
}

func orDefault[T int | time.Duration](value, other T) T {
	if value <= 0 {
		return other
	}
	return value
}

// dialer is what dials addresses, with all options checked.
func (o Options) dialer() (*dialer, error) {
	source, err := o.tokenSource()
	if err != nil {
		return nil, err
	}
	if err := o.checkPlainText(source); err != nil {
		return nil, err
	}
	transport, config, err := o.transport()
	if err != nil {
		return nil, err
	}
	return &dialer{options: o, transport: transport, tls: config, source: source}, nil
}

type dialer struct {
	options   Options
	transport credentials.TransportCredentials
	tls       *tls.Config
	source    func(context.Context) (string, error)
}

func (d *dialer) attempted(address string) attempted {
	return attempted{
		address:    address,
		tls:        d.tls,
		hidden:     d.options.Proxy != "" || len(d.options.DialOptions) > 0,
		identified: d.source != nil || d.tls != nil && d.tls.GetClientCertificate != nil,
	}
}

// dial opens the channel to one address. It connects with the first call.
func (d *dialer) dial(address string) (*grpc.ClientConn, error) {
	o := d.options
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(d.transport),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(o.MaxMessageBytes), grpc.MaxCallSendMsgSize(o.MaxMessageBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 20 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		// Attaching again has a backoff of its own; the channel's must not come on top of it.
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 5 * time.Second, Backoff: grpcbackoff.Config{
			BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}}),
		// gRPC would take a proxy from the environment, which is meant for the web and seldom knows the way to a bridge.
		grpc.WithNoProxy(),
		grpc.WithUserAgent("mesosbridge-go/" + Version),
	}
	if d.source != nil {
		options = append(options, grpc.WithPerRPCCredentials(tokens{source: d.source, needsTLS: !isLocal(address)}))
	}
	target := address
	if o.Proxy != "" {
		if strings.HasPrefix(address, "unix:") {
			return nil, errors.New("mesosbridge: a proxy does not lead to a Unix socket: leave out Options.Proxy, or unix:/PATH")
		}
		proxy, err := parseHTTPProxy(o.Proxy)
		if err != nil {
			return nil, err
		}
		// The proxy may know names that are not known here.
		target = "passthrough:///" + address
		options = append(options, grpc.WithContextDialer(proxy.dial))
	}
	return grpc.NewClient(target, append(options, o.DialOptions...)...)
}

// request is what to attach with, but for Resume.
func (o Options) request() *pb.SubscribeRequest {
	request := &pb.SubscribeRequest{
		FrameworkName:    o.FrameworkName,
		FrameworkInfo:    o.FrameworkInfo,
		ExpiryPolicy:     o.ExpiryPolicy,
		SuppressedRoles:  o.SuppressedRoles,
		OfferConstraints: o.OfferConstraints,
		ReplaceRemoved:   o.ReplaceRemoved,
	}
	if o.Standby {
		request.Mode = pb.SubscribeMode_SUBSCRIBE_MODE_STANDBY
	}
	if o.Lease > 0 {
		request.Lease = durationpb.New(o.Lease)
	}
	return request
}
