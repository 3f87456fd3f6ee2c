// Command empty-tasks launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit
// status is 0 if all did, 1 if not, 2 if it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"os/user"
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
	version                                    bool
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	finished, err := run(ctx, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "empty-tasks:", explain(err))
		os.Exit(1)
	}
	if finished != opts.tasks {
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
	flags.StringVar(&o.frameworkName, "framework-name", "empty-tasks", "`names` this framework's session at the bridge")
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
	}
	if wrong != "" {
		fmt.Fprintln(os.Stderr, "empty-tasks:", wrong)
		return o, errors.New(wrong)
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

func run(ctx context.Context, o options) (int, error) {
	scheduler, err := mesosbridge.New(mesosbridge.Options{
		Bridge:         o.bridge,
		FrameworkName:  o.frameworkName,
		FrameworkInfo:  frameworkInfo(o),
		ExpiryPolicy:   pb.ExpiryPolicy_EXPIRY_POLICY_TEARDOWN,
		ReplaceRemoved: true,
		GiveUpAfter:    o.giveUpAfter,
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = scheduler.Close() }()

	tasks := newTasks(scheduler, o)
	// If an update was lost, Mesos reports the task's state only on request.
	reconcile := time.NewTicker(30 * time.Second)
	defer reconcile.Stop()
	events := scheduler.Channel()
	for !tasks.done() {
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "ending the framework")
			return tasks.finished, teardown(scheduler, 10*time.Second)
		case <-reconcile.C:
			err = tasks.reconcile(ctx)
		case event, ok := <-events:
			if !ok {
				return tasks.finished, scheduler.Err()
			}
			err = tasks.handle(ctx, event)
			scheduler.Handled(event)
		}
		if err != nil && ctx.Err() == nil {
			return tasks.finished, err
		}
	}
	err = teardown(scheduler, 30*time.Second)
	fmt.Printf("%d of %d finished, %d failed\n", tasks.finished, o.tasks, tasks.failed)
	return tasks.finished, err
}

func teardown(scheduler *mesosbridge.Scheduler, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return scheduler.Teardown(ctx)
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
