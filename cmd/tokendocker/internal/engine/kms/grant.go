package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type grantInput struct {
	input
	Grantee     string `json:"GranteePrincipal"`
	Operations  []string
	Constraints json.RawMessage
}

// grantConditions adds what policies may ask of a grant that is to be made.
func grantConditions(call *protocol.Call, to map[string][]string) error {
	var in grantInput
	if err := protocol.Decode(call, &in); err != nil {
		return err
	}
	to["kms:GranteePrincipal"], to["kms:GrantOperations"] = []string{in.Grantee}, in.Operations
	return nil
}

// grantable are the operations that a grant may allow and that there are here.
// Source: AWS KMS API Reference, CreateGrant.
var grantable = []string{"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"}

func (r *Room) createGrant(_ context.Context, call *protocol.Call, in grantInput) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	if err == nil {
		err = k.usable()
	}
	if err != nil {
		return nil, err
	}
	if len(in.Constraints) > 0 {
		return nil, protocol.Errorf("ValidationException", "tokendocker has no grants with constraints")
	}
	for _, op := range in.Operations {
		if !slices.Contains(grantable, op) {
			return nil, protocol.Errorf("ValidationException", "tokendocker grants only %s, not %s", strings.Join(grantable, ", "), op)
		}
	}
	id := protocol.StableID("grant", k.ARN, in.Grantee, fmt.Sprint(in.Operations))
	err = r.keys.Update(k.ARN, func(k key, found bool) (key, error) {
		if !found {
			return k, protocol.Errorf("AccessDeniedException", "Grants of AWS managed keys are made by their services.")
		}
		if !slices.ContainsFunc(k.Grants, func(g grant) bool { return g.ID == id }) {
			k.Grants = append(slices.Clone(k.Grants), grant{ID: id, Grantee: in.Grantee, Operations: in.Operations})
		}
		return k, nil
	})
	return map[string]string{"GrantId": id, "GrantToken": id}, err
}

func (r *Room) listGrants(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	if err != nil {
		return nil, err
	}
	var found []map[string]any
	for _, g := range k.Grants {
		found = append(found, map[string]any{"KeyId": k.ARN, "GrantId": g.ID, "GranteePrincipal": g.Grantee, "Operations": g.Operations})
	}
	return listed("Grants", found, in, 50)
}

// revokeGrant takes a grant away; RetireGrant, by which the grantee does so, is the same here.
func (r *Room) revokeGrant(_ context.Context, call *protocol.Call, in struct {
	input
	GrantID string `json:"GrantId"`
}) (any, error) {
	return nil, r.change(call.Region, in.KeyID, func(k *key) error {
		i := slices.IndexFunc(k.Grants, func(g grant) bool { return g.ID == in.GrantID })
		if i < 0 {
			return protocol.Errorf("NotFoundException", "Grant ID %s is not found", in.GrantID)
		}
		k.Grants = slices.Delete(k.Grants, i, i+1)
		return nil
	})
}
