package mesosbridge

import (
	"testing"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
)

func scalar(name string, value float64, change ...func(*mesos.Resource)) *mesos.Resource {
	r := &mesos.Resource{Name: proto.String(name), Type: mesos.Value_SCALAR.Enum(),
		Scalar: &mesos.Value_Scalar{Value: proto.Float64(value)}}
	for _, c := range change {
		c(r)
	}
	return r
}

func reserved(r *mesos.Resource) {
	r.Reservations = []*mesos.Resource_ReservationInfo{{Role: proto.String("ops")}}
}

func revocable(r *mesos.Resource) { r.Revocable = &mesos.Resource_RevocableInfo{} }

func TestPoolTakesReservedResourcesFirst(t *testing.T) {
	pool := NewPool([]*mesos.Resource{scalar("cpus", 1), scalar("cpus", 0.5, reserved), scalar("mem", 64)})
	taken := pool.Take(0.7, 32)
	if len(taken) != 3 || len(taken[0].Reservations) != 1 || taken[0].Scalar.GetValue() != 0.5 ||
		len(taken[1].Reservations) != 0 || taken[1].Scalar.GetValue() != 0.2 || taken[2].Scalar.GetValue() != 32 {
		t.Fatalf("took %v", taken)
	}
}

func TestPoolIsExactInThousandths(t *testing.T) {
	pool := NewPool([]*mesos.Resource{scalar("cpus", 0.3), scalar("mem", 96)})
	for n := range 3 {
		if pool.Take(0.1, 32) == nil {
			t.Fatalf("there is no %d. tenth of 0.3", n+1)
		}
	}
	if taken := pool.Take(0.001, 0); taken != nil {
		t.Fatalf("took %v of what is empty", taken)
	}
}

func TestPoolTakesNothingWhenThereIsLess(t *testing.T) {
	pool := NewPool([]*mesos.Resource{scalar("cpus", 1), scalar("mem", 16)})
	if taken := pool.Take(0.1, 32); taken != nil {
		t.Fatalf("took %v", taken)
	}
	if taken := pool.Take(1, 16); len(taken) != 2 {
		t.Fatalf("of the untouched pool it took %v", taken)
	}
}

func TestPoolLeavesRevocableResourcesAlone(t *testing.T) {
	pool := NewPool([]*mesos.Resource{scalar("cpus", 4, revocable), scalar("mem", 16)})
	if taken := pool.Take(0.1, 1); taken != nil {
		t.Fatalf("took %v", taken)
	}
}
