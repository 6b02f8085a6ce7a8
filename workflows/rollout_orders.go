package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/fault"
)

// The updates of a rollout; each takes an Order and answers when it is done.
const (
	UpdateApprove  = "approve"
	UpdateReject   = "reject"
	UpdatePromote  = "promote"
	UpdateRollBack = "rollback"
)

// SignalSuperseded tells a rollout who took its place: a newer one, or somebody who ended
// it in Postgres alone. How it ended is what is written there.
const SignalSuperseded = "superseded"

// Order is what somebody wants of a rollout. Both are required.
type Order struct {
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// The kinds of order that end a step.
const (
	orderPromote   = "promoted"
	orderRollBack  = "rolled back"
	orderSupersede = "superseded"
	orderApprove   = "approved"
	orderReject    = "rejected"
)

type order struct {
	Order
	kind string
}

// maxOrder bounds an order's texts, in bytes.
const maxOrder = 1000

// listen takes orders from the first moment on.
func (r *roll) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, "status", func() (RolloutStatus, error) { return r.status(ctx), nil }); err != nil {
		return err
	}
	for _, u := range [][2]string{{UpdateApprove, orderApprove}, {UpdateReject, orderReject}, {UpdatePromote, orderPromote}, {UpdateRollBack, orderRollBack}} {
		name, kind := u[0], u[1]
		answers := kind == orderApprove || kind == orderReject
		handle := func(ctx workflow.Context, o Order) (RolloutStatus, error) {
			if answers {
				r.answer = &order{o, kind}
				err := workflow.Await(ctx, func() bool { return r.ended || kind == orderApprove && !r.awaiting })
				return r.status(ctx), err
			}
			r.give(&order{o, kind})
			err := workflow.Await(ctx, func() bool { return r.ended })
			return r.status(ctx), err
		}
		if err := workflow.SetUpdateHandlerWithOptions(ctx, name, handle, workflow.UpdateHandlerOptions{Validator: func(ctx workflow.Context, o Order) error {
			return r.validate(o, answers)
		}}); err != nil {
			return err
		}
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		var by string
		workflow.GetSignalChannel(ctx, SignalSuperseded).Receive(ctx, &by)
		r.give(&order{Order{Actor: by, Reason: "it was ended elsewhere"}, orderSupersede})
	})
	return nil
}

// validate refuses an order that cannot be followed.
func (r *roll) validate(o Order, answers bool) error {
	refuse := func(message string) error {
		return temporal.NewNonRetryableApplicationError(message, string(fault.RequestInvalid), nil)
	}
	switch {
	case strings.TrimSpace(o.Actor) == "" || strings.TrimSpace(o.Reason) == "":
		return refuse("an order needs an actor and a reason")
	case len(o.Actor) > maxOrder || len(o.Reason) > maxOrder:
		return refuse("an order's actor and reason have at most 1000 bytes each")
	case r.ended:
		return temporal.NewNonRetryableApplicationError("rollout "+r.id+" has ended, "+string(r.result.State), string(fault.RolloutEnded), nil)
	case answers && (!r.awaiting || r.answer != nil):
		return refuse("rollout " + r.id + " does not wait for approval")
	}
	return nil
}

// give ends the present step for an order. What takes back is never overruled by
// what promotes.
func (r *roll) give(o *order) {
	if r.ended || r.order != nil && r.order.kind != orderPromote {
		return
	}
	if last := r.steps[len(r.steps)-1]; o.kind == orderPromote && last.State != "pending" {
		return // it is about to be live
	}
	r.order = o
	if o.kind == orderPromote && r.approvedBy == "" && r.in.Deploy.Asks() {
		r.approvedBy, r.approvalReason = o.Actor, o.Reason
	}
	r.halt()
}
