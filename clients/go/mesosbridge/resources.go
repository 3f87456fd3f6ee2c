package mesosbridge

import (
	"cmp"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
)

// Pool is what is left of an offer's cpus and mem. What is taken keeps role, reservation and allocation as they were
// offered: Mesos refuses a task whose resources are not those of the offer.
type Pool struct{ entries []*poolEntry }

type poolEntry struct {
	resource *mesos.Resource
	// In thousandths, as Mesos counts: whole numbers, so that 0.1 + 0.2 is 0.3.
	left int64
}

// NewPool of an offer's resources. Revocable and shared ones are left out: they are not for tasks that want to keep them.
func NewPool(resources []*mesos.Resource) *Pool {
	pool := &Pool{}
	for _, r := range resources {
		if r.GetType() == mesos.Value_SCALAR && r.Revocable == nil && r.Shared == nil {
			pool.entries = append(pool.entries, &poolEntry{r, thousandths(r.GetScalar().GetValue())})
		}
	}
	// Reserved resources first: nobody else could use what would be left of them.
	slices.SortStableFunc(pool.entries, func(a, b *poolEntry) int { return cmp.Compare(rank(a.resource), rank(b.resource)) })
	return pool
}

// Take takes cpus and mem (in MB) out of the pool. Nil, with nothing taken, when there is less.
func (p *Pool) Take(cpus, mem float64) []*mesos.Resource {
	if p.left("cpus") < thousandths(cpus) || p.left("mem") < thousandths(mem) {
		return nil
	}
	return append(p.takeOne("cpus", thousandths(cpus)), p.takeOne("mem", thousandths(mem))...)
}

func (p *Pool) left(name string) (total int64) {
	for _, entry := range p.entries {
		if entry.resource.GetName() == name {
			total += entry.left
		}
	}
	return total
}

func (p *Pool) takeOne(name string, missing int64) (taken []*mesos.Resource) {
	for _, entry := range p.entries {
		part := min(entry.left, missing)
		if entry.resource.GetName() != name || part == 0 {
			continue
		}
		entry.left -= part
		missing -= part
		resource := proto.CloneOf(entry.resource)
		resource.Scalar = &mesos.Value_Scalar{Value: proto.Float64(float64(part) / 1000)}
		taken = append(taken, resource)
	}
	return taken
}

func thousandths(value float64) int64 { return int64(math.Round(value * 1000)) }

func rank(r *mesos.Resource) int {
	if len(r.GetReservations()) > 0 || r.Role != nil && r.GetRole() != "*" {
		return 0
	}
	return 1
}
