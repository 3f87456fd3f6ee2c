// Command empty-tasks launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit
// status is 0 if all did, 1 if not, 2 if it was called wrongly.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

type options struct {
	bridge, frameworkName, user, role, command string
	tasks, retries                             int
	giveUpAfter                                time.Duration
	standby, version                           bool
	ca, cert, key, tokenFile                   string
}

func main() {
	opts, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	if opts.version {
		fmt.Println("empty-tasks", mesosbridge.Version)
		return
	}
	scheduler, err := opts.scheduler()
	if err != nil {
		// Only options can be wrong that early.
		fmt.Fprintln(os.Stderr, "empty-tasks:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done, err := run(ctx, opts, scheduler)
	if err != nil {
		fmt.Fprintln(os.Stderr, "empty-tasks:", explain(err))
		os.Exit(1)
	}
	if !done {
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("empty-tasks", flag.ContinueOnError)
	name := "root"
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	flags.StringVar(&o.bridge, "bridge", "127.0.0.1:50051", "the Mesos bridge: `HOST:PORT`, or several with commas between them")
	flags.StringVar(&o.ca, "bridge-ca", os.Getenv("MESOS_BRIDGE_CA"), "the `file` with the authority of the bridge's certificate: use TLS (or MESOS_BRIDGE_CA)")
	flags.StringVar(&o.cert, "bridge-cert", os.Getenv("MESOS_BRIDGE_CERT"), "the `file` with this client's certificate, if the bridge asks for one (or MESOS_BRIDGE_CERT)")
	flags.StringVar(&o.key, "bridge-key", os.Getenv("MESOS_BRIDGE_KEY"), "the `file` with the key of --bridge-cert (or MESOS_BRIDGE_KEY)")
	flags.StringVar(&o.tokenFile, "bridge-token-file", os.Getenv("MESOS_BRIDGE_TOKEN_FILE"), "the `file` with the token that says who this client is; read anew for each use (or MESOS_BRIDGE_TOKEN_FILE)")
	flags.StringVar(&o.frameworkName, "framework-name", "", "`names` this framework's session at the bridge (default: a new name for each run)")
	flags.BoolVar(&o.standby, "standby", false, "wait while another instance is active, and take over when it is gone; an interrupt hands over")
	flags.StringVar(&o.user, "user", name, "the `user` that tasks run as on the agents")
	flags.StringVar(&o.role, "role", "*", "the Mesos `role` whose resources are used")
	flags.IntVar(&o.tasks, "tasks", 5, "how many tasks")
	flags.StringVar(&o.command, "command", "true", "the shell `command` of each task")
	flags.IntVar(&o.retries, "retries", 3, "how often a task is launched again when Mesos lost it")
	flags.DurationVar(&o.giveUpAfter, "give-up-after", time.Minute, "end when the bridge could not be reached for so long")
	flags.BoolVar(&o.version, "version", false, "print the version and end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	wrong := ""
	switch {
	case flags.NArg() > 0:
		wrong = "unexpected argument " + flags.Arg(0)
	case o.tasks < 1:
		wrong = "--tasks must be at least 1"
	case o.retries < 0:
		wrong = "--retries must be at least 0"
	case o.standby && o.frameworkName == "":
		wrong = "--standby needs --framework-name: the instances share one"
	case o.tokenFile != "":
		if _, err := o.token(context.Background()); err != nil {
			wrong = "--bridge-token-file: " + err.Error()
		}
	}
	if wrong != "" {
		fmt.Fprintln(os.Stderr, "empty-tasks:", wrong)
		return o, errors.New(wrong)
	}
	if o.frameworkName == "" {
		o.frameworkName = "empty-tasks-" + strings.ToLower(rand.Text()[:8])
	}
	return o, nil
}

// explain an error in the words of who runs this program.
func explain(err error) string {
	if mesosbridge.ReasonOf(err) == mesosbridge.ReasonAttachmentSuperseded {
		return "another client attached under the same framework name; use another --framework-name to run both"
	}
	return err.Error()
}

// token reads the file anew: it may have changed.
func (o options) token(context.Context) (string, error) {
	text, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("%s is empty", o.tokenFile)
	}
	return token, nil
}

func (o options) scheduler() (*mesosbridge.Scheduler, error) {
	options := mesosbridge.Options{
		Bridge:         o.bridge,
		FrameworkName:  o.frameworkName,
		FrameworkInfo:  frameworkInfo(o),
		ExpiryPolicy:   pb.ExpiryPolicy_EXPIRY_POLICY_TEARDOWN,
		ReplaceRemoved: true,
		Standby:        o.standby,
		GiveUpAfter:    o.giveUpAfter,
		Logger:         slog.New(plainLog{}),
	}
	if o.ca+o.cert+o.key != "" {
		options.TLS = &mesosbridge.TLS{CA: o.ca, Cert: o.cert, Key: o.key}
	}
	if o.tokenFile != "" {
		options.TokenSource = o.token
	}
	return mesosbridge.New(options)
}

// run gives true if all tasks finished, or another instance has taken care of them.
func run(ctx context.Context, o options, scheduler *mesosbridge.Scheduler) (bool, error) {
	defer func() { _ = scheduler.Close() }()

	tasks := newTasks(scheduler, o)
	// If an update was lost, Mesos reports the task's state only on request.
	reconcile := time.NewTicker(30 * time.Second)
	defer reconcile.Stop()
	events := scheduler.Channel()
	var err error
	for !tasks.done() {
		select {
		case <-ctx.Done():
			return false, tasks.interrupted()
		case <-reconcile.C:
			err = tasks.reconcile(ctx)
		case event, ok := <-events:
			if !ok {
				return tasks.leave(scheduler.Err())
			}
			err = tasks.handle(ctx, event)
			scheduler.Handled(event)
		}
		if err != nil && ctx.Err() == nil {
			return false, err
		}
	}
	err = within(30*time.Second, scheduler.Teardown)
	fmt.Printf("%d of %d finished, %d failed\n", tasks.finished, o.tasks, tasks.failed)
	return tasks.finished == o.tasks, err
}

// plainLog prints the scheduler's log for people.
type plainLog struct{}

func (plainLog) Enabled(context.Context, slog.Level) bool { return true }

func (plainLog) Handle(_ context.Context, record slog.Record) error {
	_, err := fmt.Fprintln(os.Stderr, record.Message)
	return err
}

func (l plainLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l plainLog) WithGroup(string) slog.Handler { return l }

func within(timeout time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return call(ctx)
}

func frameworkInfo(o options) *mesos.FrameworkInfo {
	capability := func(t mesos.FrameworkInfo_Capability_Type) *mesos.FrameworkInfo_Capability {
		return &mesos.FrameworkInfo_Capability{Type: &t}
	}
	return &mesos.FrameworkInfo{
		User:  proto.String(o.user),
		Name:  proto.String(o.frameworkName),
		Roles: []string{o.role},
		Capabilities: []*mesos.FrameworkInfo_Capability{
			capability(mesos.FrameworkInfo_Capability_MULTI_ROLE),
			capability(mesos.FrameworkInfo_Capability_PARTITION_AWARE),
		},
	}
}
