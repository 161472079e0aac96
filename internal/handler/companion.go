package handler

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// companion is the property of a resource that stands beside a builder, not decoded. Such a resource needs no machine:
// it is answered by the invocation that receives it.
type companion struct {
	replication json.RawMessage
	publication json.RawMessage
	published   json.RawMessage // publication before an update
}

// attend does what a companion asks for. ok is false where the request is about no companion.
func (h *Handler) attend(ctx context.Context, r request) (ok bool, err error) {
	switch {
	case r.companion.replication != nil:
		err = h.replicate(ctx, r)
	case r.companion.publication != nil:
		err = h.publish(ctx, r)
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, h.succeed(ctx, r, nil)
}

// replicate takes the repository out of the registry's rules when the resource goes. Putting it in is the builder's
// own part, before each build: whoever else writes the rules may do so at any time.
func (h *Handler) replicate(ctx context.Context, r request) error {
	decoded, err := contract.DecodeReplication(r.companion.replication)
	switch {
	case err != nil && r.Type == deleteRequest:
		h.Log.Warn("nothing to take out of the replication rules", "error", err.Error())
		return nil
	case err != nil:
		return invalid("read the replication", r.LogicalID, err)
	case r.Type != deleteRequest:
		return nil
	}
	return h.leave(ctx, r, decoded.Repository, decoded.Regions)
}

// publish writes parameters, and deletes those that an update no longer names.
func (h *Handler) publish(ctx context.Context, r request) error {
	wanted, err := contract.DecodePublication(r.companion.publication)
	switch {
	case err != nil && r.Type == deleteRequest:
		h.Log.Warn("nothing to delete", "error", err.Error())
		return nil
	case err != nil:
		return invalid("read the publication", r.LogicalID, err)
	case r.Type == deleteRequest:
		return h.Parameters.Delete(ctx, wanted.Region, names(wanted))
	}
	for _, p := range wanted.Parameters {
		if err := h.Parameters.Put(ctx, wanted.Region, p.Name, p.Value); err != nil {
			return err
		}
	}
	h.unpublish(ctx, r, wanted)
	return nil
}

// unpublish deletes what an update no longer names. What cannot be deleted does no harm.
func (h *Handler) unpublish(ctx context.Context, r request, wanted contract.Publication) {
	before, err := contract.DecodePublication(r.companion.published)
	if err != nil {
		return // a creation, or the form of another version
	}
	gone := slices.DeleteFunc(names(before), func(name string) bool {
		return before.Region == wanted.Region && slices.Contains(names(wanted), name)
	})
	if len(gone) == 0 {
		return
	}
	if err := h.Parameters.Delete(ctx, before.Region, gone); err != nil {
		h.Log.Warn("parameters stay", "error", err.Error())
	}
}

func names(p contract.Publication) []string {
	var list []string
	for _, parameter := range p.Parameters {
		list = append(list, parameter.Name)
	}
	return list
}
