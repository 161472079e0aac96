package kms

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// metadata is the API's KeyMetadata.
type metadata struct {
	AWSAccountID string             `json:"AWSAccountId"`
	Algorithms   []string           `json:"EncryptionAlgorithms,omitempty"`
	ARN          string             `json:"Arn"`
	Created      protocol.Timestamp `json:"CreationDate"`
	Deletion     protocol.Timestamp `json:"DeletionDate,omitzero"`
	Description  string
	Enabled      bool
	KeyID        string `json:"KeyId"`
	KeyManager   string
	KeySpec      string
	KeyState     string
	KeyUsage     string
	MultiRegion  bool
	Origin       string
}

func (r *Room) metadata(k key) metadata {
	m := metadata{AWSAccountID: r.Account, ARN: k.ARN, Created: protocol.Timestamp(k.Created), Description: k.Description,
		Enabled: k.State == enabled, KeyID: k.ID, KeyManager: "CUSTOMER", KeySpec: k.Spec, KeyState: k.State, KeyUsage: k.Usage, Origin: "AWS_KMS"}
	if k.State == pendingDeletion {
		m.Deletion = protocol.Timestamp(k.Deletion)
	}
	if k.Usage == encryptDecrypt && k.Spec == symmetric {
		m.Algorithms = []string{symmetric}
	}
	return m
}

func (r *Room) describeKey(_ context.Context, call *protocol.Call, in input) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	if err != nil {
		return nil, err
	}
	m := r.metadata(k)
	if a, ok := aliasName(in.KeyID); ok && strings.HasPrefix(a, "alias/aws/") {
		m.KeyManager = "AWS"
	}
	return map[string]any{"KeyMetadata": m}, nil
}

func (r *Room) getKeyPolicy(_ context.Context, call *protocol.Call, in input) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	return map[string]string{"Policy": k.Policy, "PolicyName": "default"}, err
}

func (r *Room) listKeyPolicies(_ context.Context, call *protocol.Call, in input) (any, error) {
	_, err := r.find(call.Region, in.KeyID)
	return map[string]any{"PolicyNames": []string{"default"}, "Truncated": false}, err
}

func (r *Room) getKeyRotationStatus(_ context.Context, call *protocol.Call, in input) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	return map[string]any{"KeyRotationEnabled": k.Rotation, "KeyId": k.ARN}, err
}

type listInput struct {
	input
	Limit  int
	Marker string
}

// listed is one page of a listing, whose name is the member that holds it.
func listed[T any](name string, all []T, in listInput, size int) (any, error) {
	if in.Limit < 0 || in.Limit > 1000 {
		return nil, protocol.Errorf("ValidationException", "1 validation error detected: Value at 'limit' failed to satisfy constraint: Member must have value between 1 and 1000")
	}
	part, next, ok := protocol.Page(all, in.Marker, cmp.Or(in.Limit, size))
	if !ok {
		return nil, protocol.Errorf("InvalidMarkerException", "Could not deserialize marker '%s'", in.Marker)
	}
	out := map[string]any{name: append([]T{}, part...), "Truncated": next != ""}
	if next != "" {
		out["NextMarker"] = next
	}
	return out, nil
}

func (r *Room) listKeys(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	var found []map[string]string
	for arn, k := range r.keys.All() {
		if k.Region == call.Region {
			found = append(found, map[string]string{"KeyArn": arn, "KeyId": k.ID})
		}
	}
	return listed("Keys", found, in, 100)
}

func (r *Room) listAliases(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	var found []map[string]string
	for _, a := range r.aliases.All() {
		if a.Region == call.Region && (in.KeyID == "" || a.Key == in.KeyID || strings.HasSuffix(a.Key, "/"+in.KeyID)) {
			found = append(found, map[string]string{"AliasArn": a.ARN, "AliasName": a.Name, "TargetKeyId": a.Key[strings.LastIndex(a.Key, "/")+1:]})
		}
	}
	return listed("Aliases", found, in, 50)
}

// tag is a tag as KMS writes it.
type tag struct {
	Key   string `json:"TagKey"`
	Value string `json:"TagValue"`
}

func (r *Room) listTags(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	k, err := r.find(call.Region, in.KeyID)
	if err != nil {
		return nil, err
	}
	var found []tag
	for _, key := range slices.Sorted(maps.Keys(k.Tags)) {
		found = append(found, tag{key, k.Tags[key]})
	}
	return listed("Tags", found, in, 50)
}
