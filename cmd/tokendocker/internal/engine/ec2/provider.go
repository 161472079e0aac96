package ec2

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// CloudFormation tries the deletion of what is still used again and again; for how long is not documented.
const (
	patience = 5 * time.Minute
	pause    = 5 * time.Second
)

const dependencyViolation = "DependencyViolation"

// provider makes the resources of one kind.
type provider struct {
	room *Room
	kind kind
}

// Immutable names the properties whose change makes another resource.
func (p provider) Immutable() []string { return p.kind.fixed }

// Create makes the thing, and waits until it works.
func (p provider) Create(ctx context.Context, req resource.Request) (resource.Result, error) {
	t, err := p.room.make(p.kind, req)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.room.Clock.Sleep(ctx, t.Ready.Sub(p.room.Clock.Now())); err != nil {
		return resource.Result{PhysicalID: t.ID}, err
	}
	return p.result(t), nil
}

// Update changes the thing's properties.
func (p provider) Update(_ context.Context, req resource.Request) (resource.Result, error) {
	t, err := p.room.change(p.kind, req)
	if err != nil {
		return resource.Result{}, err
	}
	return p.result(t), nil
}

// Delete removes the thing, once nothing uses it any more.
func (p provider) Delete(ctx context.Context, req resource.Request) error {
	deadline := p.room.Clock.Now().Add(patience)
	for {
		err := p.room.remove(p.kind, req.Stack.Region, req.PhysicalID)
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok || e.Code != dependencyViolation || p.room.Clock.Now().After(deadline) {
			return err
		}
		if err := p.room.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (p provider) result(t thing) resource.Result {
	out := resource.Result{PhysicalID: t.ID, Attributes: map[string]any{"Id": t.ID}}
	if p.kind.ref != nil {
		out.Ref = p.kind.ref(t)
	}
	if p.kind.attributes != nil {
		maps.Copy(out.Attributes, p.kind.attributes(p.room, t))
	}
	return out
}

// make checks and keeps a new thing, with what comes with it. The same operation makes it once.
func (r *Room) make(k kind, req resource.Request) (thing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := thing{Kind: k.name, Region: req.Stack.Region, Properties: req.Properties, Ready: r.Clock.Now()}
	if req.Token != "" {
		t.Token = req.Stack.ID + "\n" + req.LogicalID + "\n" + req.Token
		same := func(o thing) bool { return o.Token == t.Token }
		if made := r.all(t.Region, k.name, same); len(made) > 0 {
			return made[0], nil
		}
	}
	t.VPC = r.network(t)
	if k.check != nil {
		if err := k.check(r, t); err != nil {
			return t, err
		}
	}
	if k.id != nil {
		t.ID = k.id(t)
	} else {
		t.ID = r.identifier(t.Region, k.prefix, req.Stack.Account, req.Stack.Name, req.LogicalID)
	}
	if k.slow != nil && k.slow(t) {
		t.Ready = t.Ready.Add(r.delay())
	}
	return t, r.put(append(k.parts(r, t), t)...)
}

// change gives a thing other properties.
func (r *Room) change(k kind, req resource.Request) (thing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, p := r.find(req.Stack.Region, req.PhysicalID)
	if p != here {
		return t, protocol.Errorf("InvalidID.NotFound", "The ID '%s' does not exist", req.PhysicalID)
	}
	t.Properties = req.Properties
	if !k.remade {
		return t, r.put(t)
	}
	for _, part := range r.owned(t) {
		part.Gone = true
		if err := r.put(part); err != nil {
			return t, err
		}
	}
	return t, r.put(append(k.parts(r, t), t)...)
}

// remove deletes a thing with what came with it. One that is gone is no error.
func (r *Room) remove(k kind, region, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, p := r.find(region, id)
	if p != here {
		return nil
	}
	if k.busy != nil {
		if err := k.busy(r, t); err != nil {
			return err
		}
	}
	all := append(r.owned(t), t)
	for i := range all {
		all[i].Gone = true
	}
	return r.put(all...)
}

// network is the VPC that a thing is in, by what its properties name.
func (r *Room) network(t thing) string {
	if id := t.text("VpcId"); id != "" {
		return id
	}
	for _, name := range []string{"SubnetId", "RouteTableId", "GroupId"} {
		if parent, p := r.find(t.Region, t.text(name)); p == here {
			return parent.VPC
		}
	}
	return ""
}
