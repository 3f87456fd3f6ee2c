// Command conformance is the conformance driver of the Go client: test/conformance/README.md describes drivers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	mesosscheduler "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

type input struct {
	Run                         int
	Bridge, FrameworkName, User string
	Options                     struct {
		BackoffInitialMs, BackoffMaxMs, CallTimeoutMs, GiveUpAfterMs, LeaseMs, MaxBuffered, MaxMessageBytes int
		Expiry, Proxy                                                                                       string
		ReplaceRemoved, Standby                                                                             bool
		SuppressedRoles                                                                                     []string
		TLS                                                                                                 *mesosbridge.TLS
		Token                                                                                               *string
		Tokens                                                                                              []*string
	}
	Rules []*rule
}

type rule struct {
	On    string
	Where printed
	Times *int
	Do    []action
}

type action struct {
	Call          string
	Tasks         []taskInput
	TaskID        string
	TaskIDs       []string
	Roles         []string
	RefuseSeconds *float64
	Key, Prefix   string
	Value         []byte
	IfVersion     *uint64
	State         []*stateInput
	PauseMs       int
	End           string
}

type taskInput struct {
	ID        string
	CPUs, Mem float64
	Command   string
	Cookie    []byte
}

type stateInput struct {
	Key       string
	Value     []byte
	IfVersion *uint64
	Delete    bool
}

type callRecord struct {
	Call   string `json:"call"`
	Error  any    `json:"error"`
	Result any    `json:"result"`
}

type driver struct {
	input     input
	scheduler *mesosbridge.Scheduler
	events    []printed
	calls     []*callRecord
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run answers every line of the input with a line, side by side.
func run() error {
	var runs sync.WaitGroup
	defer runs.Wait()
	var printing sync.Mutex
	lines := json.NewDecoder(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		var in input
		if err := lines.Decode(&in); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		runs.Go(func() {
			answer := drive(in)
			printing.Lock()
			defer printing.Unlock()
			output.Encode(answer)
		})
	}
}

func drive(in input) map[string]any {
	d := driver{input: in, events: []printed{}, calls: []*callRecord{}}
	var err error
	if d.scheduler, err = mesosbridge.New(d.options()); err != nil {
		return map[string]any{"run": in.Run, "failure": err.Error()}
	}
	ended := d.loop(context.Background())
	if err := d.scheduler.Close(); err != nil {
		return map[string]any{"run": in.Run, "failure": err.Error()}
	}
	return map[string]any{"run": in.Run, "events": d.events, "calls": d.calls, "error": printedError(ended)}
}

func (d *driver) options() mesosbridge.Options {
	o := d.input.Options
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	options := mesosbridge.Options{
		Bridge:          d.input.Bridge,
		Proxy:           o.Proxy,
		FrameworkName:   d.input.FrameworkName,
		FrameworkInfo:   &mesos.FrameworkInfo{User: proto.String(d.input.User)},
		BackoffInitial:  max(ms(o.BackoffInitialMs), time.Millisecond),
		BackoffMax:      ms(o.BackoffMaxMs),
		CallTimeout:     ms(o.CallTimeoutMs),
		GiveUpAfter:     ms(o.GiveUpAfterMs),
		Lease:           ms(o.LeaseMs),
		ReplaceRemoved:  o.ReplaceRemoved,
		Standby:         o.Standby,
		SuppressedRoles: o.SuppressedRoles,
		MaxBuffered:     o.MaxBuffered,
		MaxMessageBytes: o.MaxMessageBytes,
		TLS:             o.TLS,
		Token:           o.Token,
	}
	if options.BackoffMax == 0 {
		options.BackoffMax = 50 * time.Millisecond
	}
	if options.CallTimeout == 0 {
		options.CallTimeout = 10 * time.Second
	}
	if o.Tokens != nil {
		options.TokenSource = source(o.Tokens)
	}
	if o.Expiry == "teardown" {
		options.ExpiryPolicy = pb.ExpiryPolicy_EXPIRY_POLICY_TEARDOWN
	}
	return options
}

// source gives the tokens one after the other, and the last one again and again.
func source(tokens []*string) func(context.Context) (string, error) {
	var calls atomic.Int64
	return func(context.Context) (string, error) {
		token := tokens[min(int(calls.Add(1)), len(tokens))-1]
		if token == nil {
			return "", errors.New("the issuer is away")
		}
		return *token, nil
	}
}

func (d *driver) loop(ctx context.Context) error {
	for event, err := range d.scheduler.Events(ctx) {
		if err != nil {
			return err
		}
		seen := printedEvent(event)
		d.events = append(d.events, seen)
		switch d.react(ctx, event, seen) {
		case "handled":
			d.scheduler.Handled(event)
			return nil
		case "unhandled":
			return nil
		}
	}
	return nil
}

// react applies the rules to an event, and returns how the loop must end, if it must.
func (d *driver) react(ctx context.Context, event mesosbridge.Event, seen printed) string {
	for _, rule := range d.input.Rules {
		if rule.On != seen["kind"] || !seen.has(rule.Where) || rule.Times != nil && *rule.Times <= 0 {
			continue
		}
		if rule.Times != nil {
			*rule.Times--
		}
		for _, action := range rule.Do {
			if action.End != "" {
				return action.End
			}
			time.Sleep(time.Duration(action.PauseMs) * time.Millisecond)
			if action.Call != "" {
				record := &callRecord{Call: action.Call}
				d.calls = append(d.calls, record)
				result, err := d.send(ctx, action, event)
				record.Error = printedError(err)
				if err == nil {
					record.Result = result
				}
			}
		}
	}
	return ""
}

// send makes the call, and returns what the driver prints of its result.
func (d *driver) send(ctx context.Context, action action, event mesosbridge.Event) (any, error) {
	s := d.scheduler
	switch action.Call {
	case "getState":
		entry, err := s.GetState(ctx, action.Key)
		return printedEntry(entry), err
	case "putState":
		request := &pb.PutStateRequest{Key: action.Key, Value: action.Value, IfVersion: action.IfVersion}
		version, err := s.PutState(ctx, request)
		return printedVersion("version", version), err
	case "deleteState":
		return nil, s.DeleteState(ctx, &pb.DeleteStateRequest{Key: action.Key, IfVersion: action.IfVersion})
	case "listState":
		entries, err := s.ListState(ctx, action.Prefix)
		return printed{"entries": list(entries, printedEntry)}, err
	}
	var offers []*mesos.Offer
	if e, ok := event.(*mesosbridge.Offers); ok {
		offers = e.Offers
	}
	if action.Call != "launchTasks" {
		return nil, d.sendOther(ctx, action, offers)
	}
	if len(offers) == 0 {
		return nil, errors.New("launchTasks is for events with offers")
	}
	response, err := s.LaunchTasks(ctx, launch(action, offers[0]))
	return printedVersion("stateVersion", response.GetStateVersion()), err
}

// sendOther makes a call without a result.
func (d *driver) sendOther(ctx context.Context, action action, offers []*mesos.Offer) error {
	s := d.scheduler
	switch action.Call {
	case "declineOffers":
		request := &pb.DeclineOffersRequest{Filters: &mesos.Filters{RefuseSeconds: action.RefuseSeconds}}
		for _, offer := range offers {
			request.OfferIds = append(request.OfferIds, offer.GetId())
		}
		return s.DeclineOffers(ctx, request)
	case "reviveOffers":
		return s.ReviveOffers(ctx, action.Roles...)
	case "suppressOffers":
		return s.SuppressOffers(ctx, action.Roles...)
	case "killTask":
		return s.KillTask(ctx, &pb.KillTaskRequest{TaskId: &mesos.TaskID{Value: &action.TaskID}})
	case "reconcileTasks":
		request := &pb.ReconcileTasksRequest{}
		for _, id := range action.TaskIDs {
			request.Tasks = append(request.Tasks, &mesosscheduler.Call_Reconcile_Task{TaskId: &mesos.TaskID{Value: &id}})
		}
		return s.ReconcileTasks(ctx, request)
	case "teardown":
		return s.Teardown(ctx)
	case "closeSession":
		return s.CloseSession(ctx)
	case "handOver":
		return s.HandOver(ctx)
	}
	return errors.New("this driver has no call " + action.Call)
}

func launch(action action, offer *mesos.Offer) *pb.LaunchTasksRequest {
	pool := mesosbridge.NewPool(offer.GetResources())
	request := &pb.LaunchTasksRequest{OfferIds: []*mesos.OfferID{offer.GetId()}, Cookies: map[string][]byte{}}
	for _, task := range action.Tasks {
		if task.Cookie != nil {
			request.Cookies[task.ID] = task.Cookie
		}
		request.Tasks = append(request.Tasks, &mesos.TaskInfo{
			Name:      proto.String(task.ID),
			TaskId:    &mesos.TaskID{Value: proto.String(task.ID)},
			AgentId:   offer.GetAgentId(),
			Resources: pool.Take(task.CPUs, task.Mem),
			Command:   &mesos.CommandInfo{Shell: proto.Bool(true), Value: proto.String(task.Command)},
		})
	}
	for _, change := range action.State {
		request.State = append(request.State,
			&pb.StateChange{Key: change.Key, Value: change.Value, IfVersion: change.IfVersion, Delete: change.Delete})
	}
	return request
}
