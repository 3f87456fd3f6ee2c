package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	mesosscheduler "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

const (
	// What one task needs: a tenth of a CPU and 32 MB.
	cpus, mem = 0.1, 32
	// What is not used is not wanted again soon: the framework asks when it wants more.
	refuseSeconds = 600
)

type task struct{ number, attempts int }

// tasks to run, and what became of them.
type tasks struct {
	scheduler *mesosbridge.Scheduler
	retries   int
	command   string
	// Distinguishes the task ids of this run from those of earlier ones of the same framework.
	run string
	// Whether other instances may have the framework, whether this one has it, and whether it ever had.
	standby, active, wasActive bool

	waiting          []*task
	running          map[string]*task
	finished, failed int
}

func newTasks(scheduler *mesosbridge.Scheduler, o options) *tasks {
	t := &tasks{scheduler: scheduler, retries: o.retries, command: o.command, standby: o.standby, running: map[string]*task{}}
	t.run = strconv.FormatInt(time.Now().UnixMilli(), 36)
	for n := range o.tasks {
		t.waiting = append(t.waiting, &task{number: n + 1})
	}
	return t
}

func (t *tasks) done() bool { return len(t.waiting) == 0 && len(t.running) == 0 }

// leave says what the end of the events means: true if another instance has seen to the tasks.
func (t *tasks) leave(err error) (bool, error) {
	if err != nil || !t.standby || t.wasActive {
		return false, err
	}
	fmt.Println("another instance has ended the framework")
	return true, nil
}

// interrupted ends the framework, or leaves it to the other instances.
func (t *tasks) interrupted() error {
	const timeout = 10 * time.Second
	switch {
	case !t.standby:
		fmt.Fprintln(os.Stderr, "ending the framework")
		return within(timeout, t.scheduler.Teardown)
	case t.active:
		fmt.Fprintln(os.Stderr, "handing over")
		return within(timeout, t.scheduler.HandOver)
	}
	return nil
}

func (t *tasks) handle(ctx context.Context, event mesosbridge.Event) error {
	switch e := event.(type) {
	case *mesosbridge.Standby:
		fmt.Fprintln(os.Stderr, "standing by")
	case *mesosbridge.Opened:
		t.active, t.wasActive = true, true
	case *mesosbridge.Detached:
		t.active = false
	case *mesosbridge.Offers:
		for _, offer := range e.Offers {
			if err := t.onOffer(ctx, offer); err != nil {
				return err
			}
		}
	case *mesosbridge.Update:
		return t.onUpdate(ctx, e.Status)
	case *mesosbridge.Gap, *mesosbridge.Subscribed:
		// What happened meanwhile was perhaps not seen.
		return t.reconcile(ctx)
	case *mesosbridge.LinkChanged, *mesosbridge.MesosError, *mesosbridge.AcknowledgementRefused:
		fmt.Fprintln(os.Stderr, event)
	}
	return nil
}

func (t *tasks) onOffer(ctx context.Context, offer *mesos.Offer) error {
	pool := mesosbridge.NewPool(offer.GetResources())
	filters := &mesos.Filters{RefuseSeconds: proto.Float64(refuseSeconds)}
	request := &pb.LaunchTasksRequest{OfferIds: []*mesos.OfferID{offer.GetId()}, Filters: filters}
	launched := map[string]*task{}
	for len(t.waiting) > len(launched) {
		resources := pool.Take(cpus, mem)
		if resources == nil {
			break
		}
		next := t.waiting[len(launched)]
		id := fmt.Sprintf("empty-%s-%d-%d", t.run, next.number, next.attempts+1)
		launched[id] = next
		request.Tasks = append(request.Tasks, &mesos.TaskInfo{
			Name:      proto.String(fmt.Sprintf("empty task %d", next.number)),
			TaskId:    &mesos.TaskID{Value: proto.String(id)},
			AgentId:   offer.GetAgentId(),
			Resources: resources,
			Command:   &mesos.CommandInfo{Shell: proto.Bool(true), Value: proto.String(t.command)},
		})
	}
	if len(launched) == 0 {
		return tolerate(t.scheduler.DeclineOffers(ctx, &pb.DeclineOffersRequest{OfferIds: request.OfferIds, Filters: filters}))
	}
	return t.launch(ctx, request, launched)
}

func (t *tasks) launch(ctx context.Context, request *pb.LaunchTasksRequest, launched map[string]*task) error {
	_, err := t.scheduler.LaunchTasks(ctx, request)
	var refused *mesosbridge.Error
	if errors.As(err, &refused) && !refused.OutcomeUnknown() {
		// Nothing was launched.
		switch refused.Reason {
		case mesosbridge.ReasonOfferGone, mesosbridge.ReasonAttachmentSuperseded:
			// That is not the tasks' fault. More offers come by themselves, or the events end and say why.
			return nil
		}
		return tolerate(err)
	}
	t.waiting = t.waiting[len(launched):]
	for id, task := range launched {
		task.attempts++
		t.running[id] = task
	}
	if err != nil {
		// Perhaps they run: then an update comes, or the answer to a reconciliation.
		return t.reconcile(ctx)
	}
	fmt.Printf("launched %d on agent %s\n", len(launched), request.Tasks[0].GetAgentId().GetValue())
	return nil
}

func (t *tasks) onUpdate(ctx context.Context, status *mesos.TaskStatus) error {
	id := status.GetTaskId().GetValue()
	task, outcome := t.running[id], mesosbridge.OutcomeOf(status)
	if task == nil || outcome == mesosbridge.Active {
		return nil
	}
	delete(t.running, id)
	switch {
	case outcome == mesosbridge.Finished:
		t.finished++
		fmt.Printf("task %d finished\n", task.number)
	case outcome == mesosbridge.Lost && task.attempts <= t.retries:
		fmt.Printf("task %d is launched again: %s\n", task.number, mesosbridge.Describe(status))
		t.waiting = append(t.waiting, task)
		return tolerate(t.scheduler.ReviveOffers(ctx))
	default:
		t.failed++
		fmt.Printf("task %d failed: %s\n", task.number, mesosbridge.Describe(status))
	}
	return nil
}

// reconcile asks what became of the tasks that should run. The answers are updates.
func (t *tasks) reconcile(ctx context.Context) error {
	request := &pb.ReconcileTasksRequest{}
	for id := range t.running {
		taskID := &mesos.TaskID{Value: proto.String(id)}
		request.Tasks = append(request.Tasks, &mesosscheduler.Call_Reconcile_Task{TaskId: taskID})
	}
	// While another instance is active, the call would only wait, and the events with it.
	if len(request.Tasks) == 0 || t.standby && !t.active {
		return nil
	}
	return tolerate(t.scheduler.ReconcileTasks(ctx, request))
}

// tolerate what may be well again later: how long the bridge may be away is the scheduler's to say.
func tolerate(err error) error {
	var e *mesosbridge.Error
	if errors.As(err, &e) && (e.Retryable() || e.OutcomeUnknown()) {
		fmt.Fprintln(os.Stderr, e)
		return nil
	}
	return err
}
