// Command batch is a client of a batch, as test/support/batchClient.mjs is, over the Go library.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	scheduler "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

type settings struct {
	Bridge, FrameworkName, Ledger, Command string
	Count, LeaseMs                         int
	Standby                                bool
}

const (
	toDo     = "to do"
	inDoubt  = "in doubt"
	launched = "launched"
	ended    = "ended"
)

var (
	active   = []string{"STAGING", "STARTING", "RUNNING"}
	terminal = []string{"FINISHED", "FAILED", "KILLED", "LOST", "ERROR", "DROPPED", "GONE", "GONE_BY_OPERATOR"}
	unknown  = []string{"UNKNOWN", "GONE", "DROPPED", "LOST"}
)

type batch struct {
	settings
	scheduler *mesosbridge.Scheduler
	mu        sync.Mutex
	order     []string
	tasks     map[string]string
	linked    bool
}

func main() {
	b := &batch{tasks: map[string]string{}}
	must(json.Unmarshal([]byte(os.Args[1]), &b.settings))
	for i := range b.Count {
		task := fmt.Sprintf("%s.%d", b.FrameworkName, i)
		b.order = append(b.order, task)
		b.tasks[task] = toDo
	}
	capability := func(kind mesos.FrameworkInfo_Capability_Type) *mesos.FrameworkInfo_Capability {
		return &mesos.FrameworkInfo_Capability{Type: kind.Enum()}
	}
	made, err := mesosbridge.New(mesosbridge.Options{
		Bridge: b.Bridge, FrameworkName: b.FrameworkName, Standby: b.Standby, Logger: slog.New(slog.DiscardHandler),
		Lease: time.Duration(b.LeaseMs) * time.Millisecond, BackoffInitial: 20 * time.Millisecond, BackoffMax: 300 * time.Millisecond,
		FrameworkInfo: &mesos.FrameworkInfo{
			User: proto.String("root"), Name: proto.String(b.FrameworkName), Roles: []string{"*"},
			FailoverTimeout: proto.Float64(600),
			Capabilities: []*mesos.FrameworkInfo_Capability{
				capability(mesos.FrameworkInfo_Capability_MULTI_ROLE),
				capability(mesos.FrameworkInfo_Capability_PARTITION_AWARE),
			},
		},
	})
	must(err)
	b.scheduler = made
	ctx, cancel := context.WithCancel(context.Background())
	go b.remind(ctx)
	say(map[string]any{"kind": "started"})
	for event, err := range b.scheduler.Events(ctx) {
		must(err)
		b.take(ctx, event)
		if len(b.ids(ended)) == b.Count {
			b.scheduler.Handled(event)
			break
		}
	}
	cancel()
	must(b.scheduler.Close())
	say(map[string]any{"kind": "done", "owed": 0})
}

func (b *batch) take(ctx context.Context, event mesosbridge.Event) {
	switch e := event.(type) {
	case *mesosbridge.Update:
		b.update(e)
	case *mesosbridge.Opened:
		say(map[string]any{"kind": "opened", "resumed": e.Resumed, "linked": e.Linked})
		b.setLinked(e.Linked)
		if !e.Resumed {
			b.load()
		}
		go b.reconcile(ctx)
	case *mesosbridge.Standby:
		say(map[string]any{"kind": "standby"})
		b.setLinked(false)
	case *mesosbridge.LinkChanged:
		b.setLinked(e.Linked)
		go b.reconcile(ctx)
	case *mesosbridge.Gap:
		go b.reconcile(ctx)
	case *mesosbridge.Offers:
		for _, offer := range e.Offers {
			go b.launch(ctx, offer)
		}
	}
}

// load takes what others have begun and seen the end of.
func (b *batch) load() {
	b.mu.Lock()
	defer b.mu.Unlock()
	file, err := os.Open(b.Ledger)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		kind, task, _ := strings.Cut(lines.Text(), " ")
		if kind == "begin" && b.tasks[task] != ended {
			b.tasks[task] = inDoubt
		} else if kind == "end" {
			b.tasks[task] = ended
		}
	}
}

func (b *batch) note(kind, task string) {
	file, err := os.OpenFile(b.Ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	_, err = fmt.Fprintf(file, "%s %s\n", kind, task)
	must(err)
	must(file.Close())
}

func (b *batch) setLinked(linked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.linked = linked
}

func (b *batch) ids(states ...string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.idsLocked(states...)
}

func (b *batch) idsLocked(states ...string) []string {
	var ids []string
	for _, task := range b.order {
		if slices.Contains(states, b.tasks[task]) {
			ids = append(ids, task)
		}
	}
	return ids
}

func (b *batch) remind(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.reconcile(ctx)
		}
	}
}

func (b *batch) reconcile(ctx context.Context) {
	b.mu.Lock()
	open, linked := b.idsLocked(inDoubt, launched), b.linked
	b.mu.Unlock()
	if !linked || len(open) == 0 {
		return
	}
	request := &pb.ReconcileTasksRequest{}
	for _, task := range open {
		one := &scheduler.Call_Reconcile_Task{TaskId: &mesos.TaskID{Value: proto.String(task)}}
		request.Tasks = append(request.Tasks, one)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_ = b.scheduler.ReconcileTasks(ctx, request)
}

// choose takes as many tasks as have room in an offer.
func (b *batch) choose(offer *mesos.Offer) []string {
	amounts := map[string]float64{}
	for _, resource := range offer.GetResources() {
		amounts[resource.GetName()] = resource.GetScalar().GetValue()
	}
	room := min(8, int(amounts["cpus"]/0.1+1e-6), int(amounts["mem"]/32))
	b.mu.Lock()
	defer b.mu.Unlock()
	chosen := b.idsLocked(toDo)
	chosen = chosen[:min(max(room, 0), len(chosen))]
	for _, task := range chosen {
		b.note("begin", task)
		b.tasks[task] = inDoubt
	}
	return chosen
}

func (b *batch) launch(ctx context.Context, offer *mesos.Offer) {
	filters := &mesos.Filters{RefuseSeconds: proto.Float64(0.2)}
	offerIDs := []*mesos.OfferID{offer.GetId()}
	chosen := b.choose(offer)
	if len(chosen) == 0 {
		_ = b.scheduler.DeclineOffers(ctx, &pb.DeclineOffersRequest{OfferIds: offerIDs, Filters: filters})
		return
	}
	request := &pb.LaunchTasksRequest{OfferIds: offerIDs, Filters: filters}
	for _, task := range chosen {
		request.Tasks = append(request.Tasks, b.taskInfo(task, offer))
	}
	after := launched
	if _, err := b.scheduler.LaunchTasks(ctx, request); err != nil {
		var failure *mesosbridge.Error
		if !errors.As(err, &failure) || ctx.Err() != nil {
			return
		}
		say(map[string]any{"kind": "launch failed", "reason": failure.Reason, "unknown": failure.OutcomeUnknown()})
		if failure.OutcomeUnknown() {
			b.reconcile(ctx)
			return
		}
		after = toDo
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, task := range chosen {
		if b.tasks[task] == inDoubt {
			b.tasks[task] = after
		}
	}
}

func (b *batch) taskInfo(task string, offer *mesos.Offer) *mesos.TaskInfo {
	scalar := func(name string, value float64) *mesos.Resource {
		return &mesos.Resource{
			Name: proto.String(name), Type: mesos.Value_SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: proto.Float64(value)},
		}
	}
	command := strings.ReplaceAll(b.Command, "TASK", task)
	return &mesos.TaskInfo{
		Name: proto.String(task), TaskId: &mesos.TaskID{Value: proto.String(task)}, AgentId: offer.GetAgentId(),
		Resources: []*mesos.Resource{scalar("cpus", 0.1), scalar("mem", 32)},
		Command:   &mesos.CommandInfo{Value: proto.String(command)},
	}
}

func (b *batch) update(event *mesosbridge.Update) {
	task := event.Status.GetTaskId().GetValue()
	state := strings.TrimPrefix(event.Status.GetState().String(), "TASK_")
	owed := event.AckToken != ""
	if owed || !slices.Contains(active, state) {
		say(map[string]any{"kind": "update", "task": task, "state": state, "owed": owed})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before, mine := b.tasks[task]
	switch {
	case !mine || before == ended:
	case !owed && slices.Contains(unknown, state):
		b.tasks[task] = toDo
	case owed && slices.Contains(terminal, state):
		b.note("end", task)
		b.tasks[task] = ended
	case !slices.Contains(terminal, state):
		b.tasks[task] = launched
	}
}

var saying sync.Mutex

func say(line map[string]any) {
	saying.Lock()
	defer saying.Unlock()
	must(json.NewEncoder(os.Stdout).Encode(line))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
