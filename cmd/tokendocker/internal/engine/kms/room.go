package kms

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Options says what the room works with. All fields are required.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Caller    protocol.Caller // decides what a service does for its caller
}

// Room is the KMS of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	keys    state.Table[key]   // by ARN
	aliases state.Table[alias] // by ARN
}

var (
	_ protocol.Service = (*Room)(nil)
	_ protocol.Keys    = (*Room)(nil)
)

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	r := &Room{Options: o}
	var err error
	if r.keys, err = state.NewTable[key](o.Store, "kms-keys"); err != nil {
		return nil, err
	}
	r.aliases, err = state.NewTable[alias](o.Store, "kms-aliases")
	return r, err
}

// Resources returns the providers of AWS::KMS types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::KMS::Key": keyProvider{r}, "AWS::KMS::Alias": aliasProvider{r}}
}

// Name returns "kms".
func (r *Room) Name() string { return "kms" }

// Allow decides a service's use of a key for its caller, by the key's policy and the caller's own. It fails with KMS's
// NotFoundException, DisabledException and KMSInvalidStateException, or with IAM's AccessDeniedException. A key that
// nobody in the rehearsal made is taken to have the policy that lets the account's own policies decide.
// Source: AWS KMS Developer Guide, "Condition keys for AWS KMS", kms:ViaService and kms:GrantIsForAWSResource.
func (r *Room) Allow(ctx context.Context, as *session.Session, region string, u protocol.KeyUse) error {
	k, err := r.find(region, u.Key)
	if given, ok := r.elsewhere(region, u.Key); ok && err != nil {
		k, err = given, nil
	}
	if err != nil {
		return err
	}
	need := r.need(as, u.Action, k, input{KeyID: u.Key, Context: u.Context})
	need.Conditions["kms:ViaService"] = []string{u.Via}
	need.Conditions["aws:ViaAWSService"] = []string{"true"}
	if u.Action == "kms:CreateGrant" {
		need.Conditions["kms:GrantIsForAWSResource"] = []string{"true"}
	}
	if err := r.Caller.Allow(ctx, as, region, need); err != nil {
		return err
	}
	return k.usable()
}

// input is what the operations' inputs say of their key.
type input struct {
	KeyID      string            `json:"KeyId"`
	Ciphertext []byte            `json:"CiphertextBlob"`
	Context    map[string]string `json:"EncryptionContext"`
}

// operations are what the room can do. The second value says that an operation is about no key.
var operations = map[string]struct {
	do      protocol.Operation[*Room]
	keyless bool
}{
	"CreateGrant":          {do: protocol.JSON((*Room).createGrant)},
	"Decrypt":              {do: protocol.JSON((*Room).decrypt)},
	"DescribeKey":          {do: protocol.JSON((*Room).describeKey)},
	"Encrypt":              {do: protocol.JSON((*Room).encrypt)},
	"GenerateDataKey":      {do: protocol.JSON((*Room).generateDataKey)},
	"GetKeyPolicy":         {do: protocol.JSON((*Room).getKeyPolicy)},
	"GetKeyRotationStatus": {do: protocol.JSON((*Room).getKeyRotationStatus)},
	"ListAliases":          {do: protocol.JSON((*Room).listAliases), keyless: true},
}

// Owner returns the account in the key's ARN.
func (r *Room) Owner(call *protocol.Call) string {
	var in input
	if json.Unmarshal(call.Body, &in) != nil {
		return ""
	}
	return protocol.OwnerOf(in.KeyID)
}

// Needs names the key, whoever is meant by the input's alias or cipher text.
// Source: Service Authorization Reference, AWS Key Management Service; AWS KMS Developer Guide, "Key policies": without
// the key's policy no identity policy counts.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	action := "kms:" + call.Operation
	if op.keyless {
		return []protocol.Need{{Action: action}}, nil
	}
	var in input
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	id := in.KeyID
	if id == "" && len(in.Ciphertext) > 0 {
		if id = keyOf(in.Ciphertext); id == "" {
			return nil, errCiphertext
		}
	}
	k, err := r.find(call.Region, id)
	if err != nil {
		return nil, err
	}
	return []protocol.Need{r.need(call.Session, action, k, in)}, nil
}

// need is the permission that a use of a key needs.
func (r *Room) need(as *session.Session, action string, k key, in input) protocol.Need {
	conditions := map[string][]string{"kms:CallerAccount": {as.Account}, "kms:EncryptionAlgorithm": {"SYMMETRIC_DEFAULT"}}
	if a, ok := aliasName(in.KeyID); ok {
		conditions["kms:RequestAlias"] = []string{a}
	}
	for name, value := range in.Context {
		conditions["kms:EncryptionContext:"+name] = []string{value}
		conditions["kms:EncryptionContextKeys"] = append(conditions["kms:EncryptionContextKeys"], name)
	}
	return protocol.Need{Action: action, Resources: []string{k.ARN}, Conditions: conditions,
		ResourcePolicy: k.effectivePolicy(), ResourcePolicyOnly: true}
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return op.do(ctx, r, call)
}

func (r *Room) arn(region, rest string) string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", r.Partition, region, r.Account, rest)
}
